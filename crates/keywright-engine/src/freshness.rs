//! Which cached facts may still be used: the answer to the race between a load and a change.
//!
//! Every change has a position in the change feed. Facts carry the position that was applied when
//! their load began, so they hold every change up to it. Applying a change writes its position
//! into the slots of what it touched; facts older than their slot are stale, whether they were
//! put into the cache before or after. A late load can therefore never revive what a change
//! ended (design: `ARCHITECTURE.md`, "Truth and caches"; the model is in `tests/freshness_model.rs`).

// Not `std` itself: the model swaps these for ones whose every interleaving it can try.
use crate::sync::{AtomicU64, Ordering};

/// Positions of the change feed, by slot. Things that share a slot are invalidated together,
/// which costs a load and is never wrong.
#[derive(Debug)]
pub(crate) struct Freshness {
    applied: AtomicU64,
    slots: Box<[AtomicU64]>,
}

impl Freshness {
    /// Everything up to `position` is applied; `slots` is the number of slots, at least 1.
    #[must_use]
    pub(crate) fn new(position: u64, slots: usize) -> Self {
        Self {
            applied: AtomicU64::new(position),
            slots: (0..slots.max(1)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The position to stamp on facts whose load begins now: read it before the database.
    #[must_use]
    pub(crate) fn begin_load(&self) -> u64 {
        self.applied.load(Ordering::SeqCst)
    }

    /// The position up to which every change is in force.
    #[must_use]
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::SeqCst)
    }

    /// Whether facts about the thing `hash`, loaded from `position` on, are still the truth.
    #[must_use]
    pub(crate) fn is_fresh(&self, hash: u64, position: u64) -> bool {
        self.slot(hash)
            .is_some_and(|slot| slot.load(Ordering::SeqCst) <= position)
    }

    /// The change at `position` touched the thing `hash`. Call [`Freshness::advance`] afterwards.
    pub(crate) fn invalidate(&self, hash: u64, position: u64) {
        if let Some(slot) = self.slot(hash) {
            slot.fetch_max(position, Ordering::SeqCst);
        }
    }

    /// The change at `position` may have touched anything.
    pub(crate) fn invalidate_all(&self, position: u64) {
        for slot in &self.slots {
            slot.fetch_max(position, Ordering::SeqCst);
        }
    }

    /// Every change up to `position` has been handed to [`Freshness::invalidate`].
    pub(crate) fn advance(&self, position: u64) {
        self.applied.fetch_max(position, Ordering::SeqCst);
    }

    fn slot(&self, hash: u64) -> Option<&AtomicU64> {
        let index = hash % u64::try_from(self.slots.len()).ok()?;
        self.slots.get(usize::try_from(index).ok()?)
    }
}
