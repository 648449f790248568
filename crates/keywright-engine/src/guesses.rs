//! The budget of guesses, of all sources together (trust S5): look-ups of keys that nobody knows. When it
//! is used up, a few look-ups a second go on, and the rest are told to come back: what is cached passes as
//! ever, and a good key that is not gets its turn among the guesses.
//!
//! A guess costs [`COST_MS`] of a credit that grows by a millisecond each millisecond, up to a minute.

use std::sync::atomic::{AtomicI64, Ordering};

use keywright_core::time::Timestamp;

/// Guesses a minute. What people mistype and clients misremember is far below; a database answers
/// many times as many, so that nothing else suffers while they are spent at once.
const GUESSES_PER_MINUTE: i64 = 6_000;
/// The credit at most: a minute's worth may be spent at once.
const CREDIT_MAX_MS: i64 = 60_000;
/// What a guess costs, so that 100 look-ups a second go on when all is spent.
const COST_MS: i64 = CREDIT_MAX_MS / GUESSES_PER_MINUTE;

/// No look-ups for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exhausted {
    /// When the next one is affordable, in milliseconds from now.
    pub(crate) milliseconds: i64,
}

/// The budget. Counting locks nothing.
#[derive(Debug, Default)]
pub(crate) struct Guesses {
    /// The moment at which the credit will be whole again, in Unix milliseconds.
    whole_at: AtomicI64,
}

impl Guesses {
    /// Whether a key that is not in the cache may be looked up. The guess is paid for by
    /// [`Guesses::missed`], when it is known to be one: finding good keys costs nothing.
    pub(crate) fn admit(&self, now: Timestamp) -> Result<(), Exhausted> {
        let now = now.milliseconds();
        // Also after a clock that was set back, nobody waits longer than for the next guess.
        let ceiling = now.saturating_add(CREDIT_MAX_MS);
        let whole_at = self
            .whole_at
            .fetch_min(ceiling, Ordering::Relaxed)
            .min(ceiling);
        let over = whole_at.saturating_add(COST_MS).saturating_sub(ceiling);
        if over <= 0 {
            Ok(())
        } else {
            Err(Exhausted { milliseconds: over })
        }
    }

    /// The looked-up key is not there.
    pub(crate) fn missed(&self, now: Timestamp) {
        let now = now.milliseconds();
        let ceiling = now.saturating_add(CREDIT_MAX_MS);
        // The closure always answers, so this cannot fail.
        let _ = self
            .whole_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |whole_at| {
                Some(whole_at.max(now).saturating_add(COST_MS).min(ceiling))
            });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn at(offset: i64) -> Timestamp {
        Timestamp::from_milliseconds(NOW + offset)
    }

    fn spend_all(guesses: &Guesses) {
        for guess in 0..GUESSES_PER_MINUTE {
            assert_eq!(guesses.admit(at(0)), Ok(()), "{guess}");
            guesses.missed(at(0));
        }
    }

    #[test]
    fn a_minutes_guesses_may_come_at_once_and_not_one_more() {
        let guesses = Guesses::default();
        spend_all(&guesses);
        let next = Exhausted {
            milliseconds: COST_MS,
        };
        assert_eq!(guesses.admit(at(0)), Err(next));
        let soon = Exhausted { milliseconds: 1 };
        assert_eq!(guesses.admit(at(COST_MS - 1)), Err(soon));
        assert_eq!(guesses.admit(at(COST_MS)), Ok(()));
    }

    #[test]
    fn finding_keys_costs_nothing() {
        let guesses = Guesses::default();
        for _ in 0..2 * GUESSES_PER_MINUTE {
            assert_eq!(guesses.admit(at(0)), Ok(()));
        }
    }

    #[test]
    fn look_ups_go_on_slowly_when_all_is_spent_and_a_quiet_minute_makes_it_whole() {
        let guesses = Guesses::default();
        spend_all(&guesses);
        let mut admitted = 0;
        for millisecond in 1..=1_000 {
            if guesses.admit(at(millisecond)).is_ok() {
                admitted += 1;
                guesses.missed(at(millisecond));
            }
        }
        assert_eq!(admitted, 1_000 / COST_MS);
        let whole = Guesses::default();
        whole
            .whole_at
            .store(NOW + 1_000 + CREDIT_MAX_MS, Ordering::Relaxed);
        for _ in 0..GUESSES_PER_MINUTE {
            assert_eq!(whole.admit(at(1_000 + CREDIT_MAX_MS)), Ok(()));
            whole.missed(at(1_000 + CREDIT_MAX_MS));
        }
        assert!(whole.admit(at(1_000 + CREDIT_MAX_MS)).is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let guesses = Guesses::default();
        spend_all(&guesses);
        let back = -365 * 24 * 60 * CREDIT_MAX_MS;
        assert!(guesses.admit(at(back)).is_err());
        assert_eq!(guesses.admit(at(back + COST_MS)), Ok(()));
    }

    /// The same as a plain account: a credit that grows with time and is spent by guesses.
    #[derive(Debug)]
    struct Naive {
        credit: i64,
        now: i64,
    }

    impl Naive {
        fn pass(&mut self, milliseconds: i64) {
            self.now += milliseconds;
            self.credit = (self.credit + milliseconds).min(CREDIT_MAX_MS);
        }
    }

    proptest! {
        #[test]
        fn the_budget_is_an_account(steps in prop::collection::vec((0..3_u8, 0..400_i64, 0..900_i64), 1..60)) {
            let guesses = Guesses::default();
            let mut naive = Naive { credit: CREDIT_MAX_MS, now: 0 };
            for (kind, pause, count) in steps {
                naive.pass(pause);
                // Look-ups at the same time are all admitted before the first is known to miss.
                let together = if kind == 0 { count } else { 1 };
                for _ in 0..(if kind == 0 { 1 } else { count }) {
                    let affordable = naive.credit >= COST_MS;
                    let answer = guesses.admit(at(naive.now));
                    prop_assert_eq!(answer.is_ok(), affordable, "{:?}", naive);
                    if let Err(Exhausted { milliseconds }) = answer {
                        prop_assert_eq!(milliseconds, COST_MS - naive.credit);
                    }
                    if affordable && kind != 2 {
                        for _ in 0..together {
                            guesses.missed(at(naive.now));
                            naive.credit = (naive.credit - COST_MS).max(0);
                        }
                    }
                }
            }
        }
    }
}
