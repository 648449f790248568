//! One thing to count: what has been taken, whether a cost fits, when it will, and taking it.

use super::bucket::{Shape, ms_between};
use super::credits::Credits;
use super::period::Period;
use super::sliding::SPENT;
use super::state::{Kept, State};
use crate::time::Timestamp;

/// What is counted and how. The unit is whatever the costs are in: requests, bytes, credits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// At most `limit` in each period aligned to UTC.
    FixedWindow {
        /// How long.
        period: Period,
        /// How many.
        limit: u64,
    },
    /// At most `limit` in any span as long as the period; a month counts 31 days. Counts in slots, so
    /// up to one slot's worth of the limit may come back late, never early.
    SlidingWindow {
        /// How long.
        period: Period,
        /// How many.
        limit: u64,
    },
    /// A window that may be exceeded up to `max_burst`: what goes beyond its limit is drawn from an
    /// allowance of `max_burst - limit` that refills evenly over `over_s`.
    Burst {
        /// Sliding, or aligned to UTC.
        sliding: bool,
        /// How long.
        period: Period,
        /// How many without the allowance.
        limit: u64,
        /// How many with it.
        max_burst: u64,
        /// Seconds in which an empty allowance refills.
        over_s: u32,
    },
    /// A bucket that holds `capacity` and refills evenly with `refill` a period; a month counts 31 days.
    Bucket {
        /// The most at once.
        capacity: u64,
        /// How many flow back in a period.
        refill: u64,
        /// How long.
        period: Period,
    },
    /// A balance, refilled at calendar moments.
    Credits(Credits),
}

/// How a rule stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The most that could ever be taken at once.
    pub limit: u64,
    /// What can be taken now.
    pub remaining: u64,
    /// Milliseconds until more can be taken: a window's end, a bucket's next unit, a refill. 0 = nothing is
    /// missing; `None` = never. A cost of at least 1 that does not fit never waits less.
    pub reset_ms: Option<u64>,
    /// Why the cost does not fit; `None` = it fits.
    pub refusal: Option<Retry>,
}

/// When a cost that does not fit will, if nothing else is taken meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Retry {
    /// In so many milliseconds, at least 1.
    AfterMs(u64),
    /// Never: it is more than the limit, or nothing comes back.
    Never,
}

/// A request that did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The rule that it must wait for longest, as its place in the list.
    pub index: usize,
    /// When that rule would let it through.
    pub retry: Retry,
}

/// Takes all costs, or none and leaves every state as it was. `states` are those of `rules`, in the same order.
///
/// # Errors
/// The rule to wait for longest; a rule without a state counts as never.
pub fn take_all(
    rules: &[(Rule, u64)],
    states: &mut [State],
    now: Timestamp,
) -> Result<(), Refused> {
    let mut refused: Option<Refused> = None;
    for (index, (rule, cost)) in rules.iter().enumerate() {
        let retry = match states.get(index) {
            Some(state) => rule.refusal(state, *cost, now),
            None => Some(Retry::Never),
        };
        if let Some(retry) = retry
            && refused.is_none_or(|worst| retry > worst.retry)
        {
            refused = Some(Refused { index, retry });
        }
    }
    if let Some(refused) = refused {
        return Err(refused);
    }
    for ((rule, cost), state) in rules.iter().zip(states) {
        rule.take(state, *cost, now);
    }
    Ok(())
}

impl Rule {
    /// The most that could ever be taken at once.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        match *self {
            Self::FixedWindow { limit, .. } | Self::SlidingWindow { limit, .. } => limit,
            Self::Burst { max_burst, .. } => max_burst,
            Self::Bucket { capacity, .. } => capacity,
            Self::Credits(credits) => credits.amount,
        }
    }

    /// How the rule stands, and whether `cost` fits.
    #[must_use]
    pub fn peek(&self, state: &State, cost: u64, now: Timestamp) -> Standing {
        let remaining = self.remaining(state, now);
        let next = remaining.saturating_add(1).min(self.limit());
        let reset_ms = match *self {
            // Whatever was taken: the window's edge.
            Self::FixedWindow { period, .. } => Some(state.window().wait_ms(period, now)),
            _ if remaining >= self.limit() => Some(0),
            _ => self.wait_ms(state, next, now),
        };
        Standing {
            limit: self.limit(),
            remaining,
            reset_ms,
            refusal: self.refusal_of(state, cost, remaining, now),
        }
    }

    /// Only whether `cost` fits, which is quicker.
    #[must_use]
    pub fn refusal(&self, state: &State, cost: u64, now: Timestamp) -> Option<Retry> {
        self.refusal_of(state, cost, self.remaining(state, now), now)
    }

    fn refusal_of(
        &self,
        state: &State,
        cost: u64,
        remaining: u64,
        now: Timestamp,
    ) -> Option<Retry> {
        if cost <= remaining {
            return None;
        }
        let wait = (cost <= self.limit()).then(|| self.wait_ms(state, cost, now));
        Some(match wait.flatten() {
            Some(wait_ms) => Retry::AfterMs(wait_ms.max(1)),
            None => Retry::Never,
        })
    }

    /// What fits now.
    fn remaining(&self, state: &State, now: Timestamp) -> u64 {
        match *self {
            Self::FixedWindow { period, limit } => {
                limit.saturating_sub(state.window().at(period, now).used)
            }
            Self::SlidingWindow { period, limit } => limit.saturating_sub(state.slid(period, now)),
            Self::Burst {
                sliding,
                period,
                limit,
                max_burst,
                ..
            } => {
                let used = state.used(sliding, period, now);
                let allowance = self.shape().available(&state.level(), now);
                let with_allowance = limit.saturating_sub(used).saturating_add(allowance);
                max_burst.saturating_sub(used).min(with_allowance)
            }
            Self::Bucket { .. } => self.shape().available(&state.level(), now),
            Self::Credits(credits) => {
                let spent = credits.spent(&state.account(), now);
                credits.amount.saturating_sub(spent)
            }
        }
    }

    /// Milliseconds until `cost`, which does not fit but is within the limit, will fit.
    fn wait_ms(&self, state: &State, cost: u64, now: Timestamp) -> Option<u64> {
        match *self {
            Self::FixedWindow { period, .. } => Some(state.window().wait_ms(period, now)),
            Self::SlidingWindow { period, limit } => {
                let needed = state.slid(period, now).saturating_add(cost);
                state
                    .ring()?
                    .wait_ms(period, needed.saturating_sub(limit), now)
            }
            Self::Burst { .. } => self.wait_for_burst_ms(state, cost, now),
            Self::Bucket { .. } => self.shape().wait_ms(&state.level(), cost, now),
            Self::Credits(credits) => {
                let account = state.account();
                let spent = credits.spent(&account, now);
                let excess = spent.saturating_add(cost).saturating_sub(credits.amount);
                let moment = credits.moment_of(&account, excess, now)?;
                Some(ms_between(now, moment))
            }
        }
    }

    /// Takes `cost`. Also records what has happened and can no longer be refused: it may exceed the limit.
    pub fn take(&self, state: &mut State, cost: u64, now: Timestamp) {
        if cost > 0 {
            self.note(state, cost, now);
        }
    }

    /// Takes `cost`, and notes the moment even if that is nothing.
    pub(super) fn note(&self, state: &mut State, cost: u64, now: Timestamp) {
        self.make_fit(state);
        let over = self.over(state, cost, now);
        match (*self, &mut state.0) {
            (Self::FixedWindow { period, .. }, Kept::Window(window)) => {
                window.take(period, cost, now);
            }
            (Self::SlidingWindow { period, .. }, Kept::Sliding(ring)) => {
                ring.take(period, cost, now);
            }
            (Self::Burst { period, .. }, Kept::Burst(kept)) => {
                kept.0.take(period, cost, now);
                self.shape().take(&mut kept.1, over, now);
            }
            (Self::Burst { period, .. }, Kept::SlidingBurst(kept)) => {
                kept.0.take(period, cost, now);
                self.shape().take(&mut kept.1, over, now);
            }
            (Self::Bucket { .. }, Kept::Bucket(level)) => self.shape().take(level, cost, now),
            (Self::Credits(credits), Kept::Credits(account)) => credits.take(account, cost, now),
            _ => {}
        }
    }

    /// Gives back what was taken at `taken_at` and not used, as far as it still counts: never more than would be
    /// there had it not been taken.
    pub fn give_back(&self, state: &mut State, cost: u64, taken_at: Timestamp, now: Timestamp) {
        match (*self, &mut state.0) {
            (Self::FixedWindow { period, .. }, Kept::Window(window)) => {
                window.give_back(period, cost, taken_at);
            }
            (Self::SlidingWindow { period, .. }, Kept::Sliding(ring)) => {
                ring.give_back(period, cost, taken_at);
            }
            (Self::Burst { period, limit, .. }, Kept::Burst(kept)) => {
                let before = kept.0.used.saturating_sub(limit);
                kept.0.give_back(period, cost, taken_at);
                let over = before - kept.0.used.saturating_sub(limit);
                self.shape().give_back(&mut kept.1, over, taken_at, now);
            }
            (Self::Burst { period, limit, .. }, Kept::SlidingBurst(kept)) => {
                let before = kept.0.used(period, now).saturating_sub(limit);
                kept.0.give_back(period, cost, taken_at);
                let over = before.saturating_sub(kept.0.used(period, now).saturating_sub(limit));
                self.shape().give_back(&mut kept.1, over, taken_at, now);
            }
            (Self::Bucket { .. }, Kept::Bucket(level)) => {
                self.shape().give_back(level, cost, taken_at, now);
            }
            (Self::Credits(credits), Kept::Credits(account)) => {
                credits.give_back(account, cost, taken_at, now);
            }
            _ => {}
        }
    }

    /// The state after the counter was lost at `epoch`: windows that began before it, or in the same
    /// millisecond, grant nothing more; buckets and balances were empty at it.
    #[must_use]
    pub fn after_loss(&self, epoch: Timestamp) -> State {
        let mut state = self.state();
        match (*self, &mut state.0) {
            (Self::FixedWindow { period, .. }, Kept::Window(window)) => {
                window.take(period, SPENT, epoch);
            }
            (Self::SlidingWindow { period, .. }, Kept::Sliding(ring)) => {
                ring.take(period, SPENT, epoch);
            }
            (Self::Burst { period, .. }, Kept::Burst(kept)) => {
                kept.0.take(period, SPENT, epoch);
                kept.1 = self.shape().empty_at(epoch);
            }
            (Self::Burst { period, .. }, Kept::SlidingBurst(kept)) => {
                kept.0.take(period, SPENT, epoch);
                kept.1 = self.shape().empty_at(epoch);
            }
            (Self::Bucket { .. }, Kept::Bucket(level)) => *level = self.shape().empty_at(epoch),
            (Self::Credits(credits), Kept::Credits(account)) => *account = credits.empty_at(epoch),
            _ => {}
        }
        state
    }

    /// The bucket of a bucket rule, and of a burst's allowance.
    pub(super) fn shape(&self) -> Shape {
        match *self {
            Self::Bucket {
                capacity,
                refill,
                period,
            } => Shape {
                capacity,
                refill,
                over_ms: period.length_ms(),
            },
            Self::Burst {
                limit,
                max_burst,
                over_s,
                ..
            } => Shape {
                capacity: max_burst.saturating_sub(limit),
                refill: max_burst.saturating_sub(limit),
                over_ms: over_s.saturating_mul(1000).max(1),
            },
            Self::FixedWindow { limit, .. } | Self::SlidingWindow { limit, .. } => Shape {
                capacity: limit,
                refill: 0,
                over_ms: 1,
            },
            Self::Credits(credits) => Shape {
                capacity: credits.amount,
                refill: 0,
                over_ms: 1,
            },
        }
    }
}
