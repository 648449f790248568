//! Whether this node may still trust what it remembers: its lease, by its own monotonic clock.
//!
//! Whoever waits for a change to be in force everywhere stops waiting for a node whose lease has ended
//! (`store::nodes`). So a node accepts nothing past the end of its lease, or past the time that its
//! setting adds; the row that it leaves in the database tells the others which. The end is counted
//! from before a renewal was asked for, so it comes before the end that the database holds.
//!
//! A check reads the end before it looks anything up, and the clock after it has decided. An end is
//! set only after the feed was followed from after its renewal on, so what is looked up under an end
//! holds every change that was answered while the lease before it was thought to be over. The model
//! is in `tests/lease_model.rs`.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Monotonic;
use crate::sync::{AtomicU64, Ordering};

/// How long a lease lasts: a change waits for a node that fell silent no longer than this.
pub const LEASE: Duration = Duration::from_secs(5);
/// How much earlier than the others a node takes its own lease for over: room for clocks that run
/// at different rates, and for a pause between the last look at the clock and the answer.
pub const GUARD: Duration = Duration::from_millis(500);
/// How long [`Consistency::Available`] serves without the database; the feed is kept longer.
pub const AVAILABLE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// The end of a node that is alone with its database.
const ALONE: u64 = u64::MAX;
/// The end of a node that has no lease.
const NONE: u64 = 0;

/// What a node does that has lost touch with the database, and with it word of revocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// It accepts nothing.
    Strict,
    /// It accepts what it remembers for so long since it last renewed its lease.
    Bounded(Duration),
    /// As that, for a day.
    Available,
}

impl Consistency {
    /// How long a node may accept keys after a renewal: never less than its lease.
    #[must_use]
    pub fn serves(self) -> Duration {
        match self {
            Self::Strict => LEASE,
            Self::Bounded(max_stale) => max_stale.clamp(LEASE, AVAILABLE_MAX),
            Self::Available => AVAILABLE_MAX,
        }
    }
}

/// A lease.
#[derive(Debug)]
pub struct Lease {
    /// Milliseconds of the clock at which it ends; [`NONE`] or [`ALONE`].
    end: AtomicU64,
    /// Milliseconds after the end for which the node still serves.
    grace: u64,
    clock: Arc<dyn Monotonic>,
}

/// The lease under which a check began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term(u64);

/// How far a node may be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It knows every change that was answered.
    Held,
    /// It lost touch so long ago, and its setting lets it serve what it remembers.
    Stale(Duration),
    /// It must accept nothing.
    Lost,
}

impl Standing {
    /// Seconds without word, begun ones included; 0 when the lease is held or never was.
    #[must_use]
    pub fn stale_for_seconds(self) -> u64 {
        match self {
            Self::Held | Self::Lost => 0,
            Self::Stale(span) => span.as_secs() + u64::from(span.subsec_nanos() > 0),
        }
    }
}

impl Lease {
    /// The lease of a node that is alone with its database: it never ends.
    #[must_use]
    pub fn alone(clock: Arc<dyn Monotonic>) -> Self {
        Self {
            end: AtomicU64::new(ALONE),
            grace: 0,
            clock,
        }
    }

    /// No lease yet: nothing is accepted before the first renewal.
    #[must_use]
    pub fn none_yet(consistency: Consistency, clock: Arc<dyn Monotonic>) -> Self {
        let grace = consistency.serves().saturating_sub(LEASE);
        Self {
            end: AtomicU64::new(NONE),
            grace: milliseconds(grace),
            clock,
        }
    }

    /// The present moment, to be read before a renewal is asked for.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// The renewal that was asked for after `asked_at` has been granted, and the feed was followed
    /// from after that on.
    pub fn extend(&self, asked_at: Duration) {
        let end = milliseconds((asked_at + LEASE).saturating_sub(GUARD));
        self.end.fetch_max(end, Ordering::SeqCst);
    }

    /// Gives the lease up: nothing is accepted from now on.
    pub fn give_up(&self) {
        self.end.store(NONE, Ordering::SeqCst);
    }

    /// How far this node may be trusted now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.standing_of(self.begin())
    }

    /// The lease as a check begins: read it before looking anything up.
    pub(crate) fn begin(&self) -> Term {
        Term(self.end.load(Ordering::SeqCst))
    }

    /// How far what was looked up in this term may be trusted now: ask it last.
    pub(crate) fn standing_of(&self, Term(end): Term) -> Standing {
        match end {
            ALONE => Standing::Held,
            NONE => Standing::Lost,
            end => {
                let now = milliseconds(self.clock.now());
                if now < end {
                    Standing::Held
                } else if now < end.saturating_add(self.grace) {
                    // Never zero, so that whoever is told sees it.
                    Standing::Stale(Duration::from_millis((now - end).max(1)))
                } else {
                    Standing::Lost
                }
            }
        }
    }
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(ALONE - 1)
}
