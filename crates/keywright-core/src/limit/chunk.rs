//! Chunks: units that a node leases ahead of use from a durable or shared counter, so that most
//! checks need no round trip. The counter holds only what was granted; what a node did not spend is
//! returned, or forfeited by a crash, and never served twice.

use crate::limits::CHUNK_MAX;
use crate::time::Timestamp;

/// Up to here a tenth is asked for.
const FEW_MAX: u64 = 200;

/// How many units to ask for beside the cost at hand: a tenth of this node's share of what remains, so that little
/// is withheld from the others near the end; of much, a hundredth, so that little is forfeit by a crash. Never more
/// than remain; `exact` limits lease nothing ahead.
#[must_use]
pub fn chunk(remaining: u64, nodes: u32, exact: bool) -> u64 {
    let wished = if exact {
        1
    } else {
        let share = remaining / u64::from(nodes.max(1));
        let few = (share / 10).min(FEW_MAX);
        few.max((share / 100).min(CHUNK_MAX)).max(1)
    };
    wished.min(remaining)
}

/// What the counter grants to a node that needs `cost` now: at least that and at most the chunk, or `None` if `cost`
/// does not fit.
#[must_use]
pub fn grant(limit: u64, used: u64, cost: u64, nodes: u32, exact: bool) -> Option<u64> {
    let remaining = limit.saturating_sub(used);
    if cost > remaining {
        return None;
    }
    let ahead = if exact {
        0
    } else {
        chunk(remaining, nodes, exact)
    };
    Some(cost.max(ahead))
}

/// The units that a node holds of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    window_start: Timestamp,
    granted: u64,
    used: u64,
}

impl Lease {
    /// A lease of nothing yet.
    #[must_use]
    pub const fn new(window_start: Timestamp) -> Self {
        Self {
            window_start,
            granted: 0,
            used: 0,
        }
    }

    /// The window of whose units these are.
    #[must_use]
    pub const fn window_start(&self) -> Timestamp {
        self.window_start
    }

    /// Units left to spend in this window; a lease of another window holds none.
    #[must_use]
    pub fn left(&self, window_start: Timestamp) -> u64 {
        if window_start == self.window_start {
            self.granted.saturating_sub(self.used)
        } else {
            0
        }
    }

    /// Spends units, all or none.
    #[must_use]
    pub fn take(&mut self, window_start: Timestamp, cost: u64) -> bool {
        let fits = cost <= self.left(window_start);
        if fits && cost > 0 {
            self.used += cost;
        }
        fits
    }

    /// Gives back spent units of this window.
    pub fn give_back(&mut self, window_start: Timestamp, cost: u64) {
        if window_start == self.window_start {
            self.used = self.used.saturating_sub(cost);
        }
    }

    /// Adds a grant. One of a later window replaces what is held, one of an earlier window came too late.
    pub fn add(&mut self, window_start: Timestamp, granted: u64) {
        if window_start > self.window_start {
            *self = Self::new(window_start);
        }
        if window_start == self.window_start {
            self.granted = self.granted.saturating_add(granted);
        }
    }

    /// Empties the lease; what it returns may be returned to the counter of its window.
    #[must_use]
    pub fn surrender(&mut self) -> u64 {
        let left = self.left(self.window_start);
        self.granted = self.used;
        left
    }
}
