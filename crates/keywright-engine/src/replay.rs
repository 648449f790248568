//! The nonces of signed requests that were accepted, so that none is accepted twice. Bounded, and
//! never forgetful: when it is full, new signatures wait. It lives in this node's memory; a
//! signature made before the node began to remember is refused, for it may have been used already.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use keywright_core::id::KeyId;
use keywright_core::signature::{SKEW_MS, Verified};
use keywright_core::time::Timestamp;

/// Milliseconds for which a nonce is remembered: a signature may be used from [`SKEW_MS`] before to
/// [`SKEW_MS`] after its creation (trust P20).
pub(crate) const REMEMBERED_MS: i64 = 2 * SKEW_MS;
/// Nonces remembered at once: 833 signed requests a second for ten minutes, in about 60 MB.
const NONCES_MAX: usize = 500_000;
/// Nonces of one key: half, so that a busy one leaves room for the others.
const NONCES_OF_KEY_MAX: usize = NONCES_MAX / 2;

/// What became of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Never seen; it is remembered now, if that was asked.
    First,
    /// Used before.
    Again,
    /// Too old for what this node can remember.
    TooOld,
    /// There is no room to remember it.
    Full,
}

type Mark = (KeyId, [u8; 16]);

/// The memory.
#[derive(Debug)]
pub(crate) struct Replays {
    memory: Mutex<Memory>,
    nonces_max: usize,
    of_key_max: usize,
}

#[derive(Debug, Default)]
struct Memory {
    seen: HashSet<Mark>,
    order: VecDeque<(Timestamp, Mark)>,
    by_key: HashMap<KeyId, usize>,
    /// The latest moment that was asked about: a clock that goes back brings nothing back.
    latest: Timestamp,
    /// Signatures made before are refused.
    since: Timestamp,
}

impl Default for Replays {
    fn default() -> Self {
        Self::bounded(NONCES_MAX, NONCES_OF_KEY_MAX)
    }
}

impl Replays {
    fn bounded(nonces_max: usize, of_key_max: usize) -> Self {
        Self {
            memory: Mutex::default(),
            nonces_max,
            of_key_max,
        }
    }

    /// Refuses signatures made before `at`, when this memory was empty.
    pub(crate) fn begin(&self, at: Timestamp) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.since = memory.since.max(at);
    }

    /// Asks about the nonce of a right signature, and remembers it if `remember`.
    pub(crate) fn see(
        &self,
        key: KeyId,
        signature: Verified,
        now: Timestamp,
        remember: bool,
    ) -> Seen {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.latest = memory.latest.max(now);
        memory.forget();
        let oldest = memory.latest.plus_milliseconds(-SKEW_MS).max(memory.since);
        let mark = (key, signature.nonce);
        if memory.seen.contains(&mark) {
            return Seen::Again;
        }
        if signature.created_at < oldest {
            return Seen::TooOld;
        }
        let of_key = memory.by_key.get(&key).copied().unwrap_or(0);
        if memory.seen.len() >= self.nonces_max || of_key >= self.of_key_max {
            return Seen::Full;
        }
        if remember {
            let at = memory.latest;
            memory.seen.insert(mark);
            memory.order.push_back((at, mark));
            *memory.by_key.entry(key).or_default() += 1;
        }
        Seen::First
    }
}

impl Memory {
    /// Drops what is older than the window; at its very end a nonce is still remembered.
    fn forget(&mut self) {
        let oldest = self.latest.plus_milliseconds(-REMEMBERED_MS);
        while let Some((_, mark)) = self.order.pop_front_if(|(at, _)| *at < oldest) {
            self.seen.remove(&mark);
            let (key, _) = mark;
            if let Some(count) = self.by_key.get_mut(&key) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.by_key.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_700_000_000_000);

    struct Zero;

    impl keywright_core::token::Entropy for Zero {
        fn fill(&mut self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    fn key(milliseconds: i64) -> KeyId {
        KeyId::new(NOW.plus_milliseconds(milliseconds), &mut Zero)
    }

    fn made(created_at: Timestamp, nonce: u8) -> Verified {
        Verified {
            created_at,
            nonce: [nonce; 16],
        }
    }

    #[test]
    fn a_nonce_is_good_once_for_each_key() {
        let replays = Replays::default();
        let see = |id, nonce| replays.see(key(id), made(NOW, nonce), NOW, true);
        assert_eq!(see(1, 1), Seen::First);
        assert_eq!(see(1, 1), Seen::Again);
        assert_eq!(see(1, 2), Seen::First);
        assert_eq!(see(2, 1), Seen::First);
    }

    #[test]
    fn a_nonce_is_remembered_as_long_as_its_signature_can_be_used() {
        // Made by a clock that is as far ahead as may be: usable for the whole window.
        for (later, expected) in [
            (REMEMBERED_MS - 1, Seen::Again),
            (REMEMBERED_MS, Seen::Again),
            // Forgotten, and too old by then.
            (REMEMBERED_MS + 1, Seen::TooOld),
        ] {
            let replays = Replays::default();
            let ahead = made(NOW.plus_milliseconds(SKEW_MS), 1);
            assert_eq!(replays.see(key(1), ahead, NOW, true), Seen::First);
            let then = NOW.plus_milliseconds(later);
            assert_eq!(replays.see(key(1), ahead, then, true), expected, "{later}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_brings_no_signature_back() {
        let replays = Replays::default();
        let first = made(NOW, 1);
        assert_eq!(replays.see(key(1), first, NOW, true), Seen::First);
        let later = NOW.plus_milliseconds(REMEMBERED_MS + 1);
        let other = made(later, 2);
        assert_eq!(replays.see(key(1), other, later, true), Seen::First);
        assert_eq!(replays.see(key(1), first, NOW, true), Seen::TooOld);
    }

    #[test]
    fn what_was_made_before_the_memory_began_is_refused() {
        let replays = Replays::default();
        replays.begin(NOW.plus_milliseconds(-1));
        let see = |created_at| replays.see(key(1), made(created_at, 1), NOW, true);
        assert_eq!(see(NOW.plus_milliseconds(-1_000)), Seen::TooOld);
        assert_eq!(see(NOW), Seen::First);
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let replays = Replays::bounded(3, 2);
        let see = |id, nonce, now| replays.see(key(id), made(now, nonce), now, true);
        assert_eq!(see(1, 1, NOW), Seen::First);
        assert_eq!(see(1, 2, NOW), Seen::First);
        assert_eq!(see(1, 3, NOW), Seen::Full);
        assert_eq!(see(2, 1, NOW), Seen::First);
        assert_eq!(see(3, 1, NOW), Seen::Full);
        assert_eq!(see(1, 1, NOW), Seen::Again);
        let later = NOW.plus_milliseconds(REMEMBERED_MS + 1);
        assert_eq!(see(1, 3, later), Seen::First);
    }

    #[test]
    fn a_dry_run_asks_and_leaves_nothing() {
        let replays = Replays::default();
        let see = |remember| replays.see(key(1), made(NOW, 1), NOW, remember);
        assert_eq!(see(false), Seen::First);
        assert_eq!(see(true), Seen::First);
        assert_eq!(see(false), Seen::Again);
    }
}
