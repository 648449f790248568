//! Concurrency: places that requests hold while they run. A holder that is never heard of again
//! loses its place when its lease lapses.

use alloc::vec::Vec;

use super::rule::{Retry, Standing};
use crate::limits::CONCURRENCY_MAX;
use crate::time::Timestamp;

/// Names one holder of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u128);

/// The places of one limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    held: Vec<Held>,
    seen_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    id: LeaseId,
    lapses_at: Timestamp,
}

impl Places {
    /// No place is taken, and there is memory for `limit`.
    #[must_use]
    pub fn with_room(limit: u32) -> Self {
        Self {
            held: Vec::with_capacity(limit.min(CONCURRENCY_MAX) as usize),
            seen_at: Timestamp::default(),
        }
    }

    /// Places held now. A place is free again at the moment when its lease lapses.
    #[must_use]
    pub fn in_use(&self, now: Timestamp) -> u32 {
        let now = self.seen_at.max(now);
        let held = self.held.iter().filter(|held| held.lapses_at > now);
        u32::try_from(held.count()).unwrap_or(u32::MAX)
    }

    /// How the limit stands. When a refused request will fit is when the first lease lapses; it may be sooner.
    #[must_use]
    pub fn peek(&self, limit: u32, now: Timestamp) -> Standing {
        let in_use = self.in_use(now);
        let seen = self.seen_at.max(now);
        // With more held than allowed, so many must lapse that one place becomes free.
        let skip = in_use.saturating_sub(limit) as usize;
        let reset_ms = if in_use == 0 {
            Some(0)
        } else {
            self.nth_lapse(skip, seen)
                .map(|at| at.milliseconds().abs_diff(now.milliseconds()))
        };
        Standing {
            limit: limit.into(),
            remaining: limit.saturating_sub(in_use).into(),
            reset_ms,
            refusal: (in_use >= limit).then(|| match reset_ms {
                Some(wait_ms) if limit > 0 => Retry::AfterMs(wait_ms.max(1)),
                _ => Retry::Never,
            }),
        }
    }

    /// The moment at which the `nth` lease from now (from 0) lapses: halves the span in which it lies, since sorting
    /// would allocate.
    fn nth_lapse(&self, nth: usize, now: Timestamp) -> Option<Timestamp> {
        let lapsed_by = |at: i64| {
            let gone = |held: &&Held| held.lapses_at > now && held.lapses_at.milliseconds() <= at;
            self.held.iter().filter(gone).count()
        };
        let last = self.held.iter().map(|held| held.lapses_at).max()?;
        let (mut before, mut by) = (now.milliseconds(), last.milliseconds());
        if lapsed_by(by) <= nth {
            return None;
        }
        while by - before > 1 {
            let middle = before + (by - before) / 2;
            if lapsed_by(middle) > nth {
                by = middle;
            } else {
                before = middle;
            }
        }
        Some(Timestamp::from_milliseconds(by))
    }

    /// Takes a place until `lapses_at`. A holder that has one keeps it, until the later of both moments.
    /// A holder that comes again does not take a second place.
    #[must_use]
    pub fn acquire(
        &mut self,
        limit: u32,
        id: LeaseId,
        lapses_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        if self.renew(id, lapses_at, now) {
            return true;
        }
        let now = self.seen_at.max(now);
        if lapses_at <= now || self.in_use(now) >= limit.min(CONCURRENCY_MAX) {
            return false;
        }
        self.seen_at = now;
        self.held.retain(|held| held.lapses_at > now);
        self.held.push(Held { id, lapses_at });
        true
    }

    /// Holds a place longer. `false` if it was not held, or its lease has lapsed.
    #[must_use]
    pub fn renew(&mut self, id: LeaseId, lapses_at: Timestamp, now: Timestamp) -> bool {
        let now = self.seen_at.max(now);
        let mut held = self.held.iter_mut();
        match held.find(|held| held.id == id && held.lapses_at > now) {
            Some(held) => {
                held.lapses_at = held.lapses_at.max(lapses_at);
                self.seen_at = now;
                true
            }
            None => false,
        }
    }

    /// Gives a place back. `false` if it was not held, or its lease has lapsed.
    pub fn release(&mut self, id: LeaseId, now: Timestamp) -> bool {
        let now = self.seen_at.max(now);
        let mut held = self.held.iter();
        let place = held.position(|held| held.id == id && held.lapses_at > now);
        let Some(place) = place else { return false };
        self.held.swap_remove(place);
        self.seen_at = now;
        true
    }
}
