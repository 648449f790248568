//! What a rule remembers: as little as its kind needs, since there is one for every limited key.

use alloc::boxed::Box;

use super::bucket::{Level, ms_between};
use super::credits::Account;
use super::period::Period;
use super::rule::Rule;
use super::sliding::{Ring, SPENT};
use crate::time::Timestamp;

/// What a rule remembers. Default = nothing was taken yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State(pub(super) Kept);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Kept {
    #[default]
    Untouched,
    Window(Window),
    Sliding(Box<Ring>),
    Burst(Box<(Window, Level)>),
    SlidingBurst(Box<(Ring, Level)>),
    Bucket(Level),
    Credits(Account),
}

/// What was taken under a rule, to be written down and read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// The moment at which so much counted as taken.
    pub as_of: Timestamp,
    /// How much.
    pub taken: u64,
}

/// What was taken in one window, [`SPENT`] or more = all of it, whatever the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: Timestamp,
    pub(super) used: u64,
}

impl Window {
    /// The window that counts at `now`: a clock that stepped back opens none again.
    pub(super) fn at(self, period: Period, now: Timestamp) -> Self {
        let start = period.start(now);
        if start > self.start {
            Self { start, used: 0 }
        } else {
            self
        }
    }

    pub(super) fn take(&mut self, period: Period, cost: u64, now: Timestamp) {
        *self = self.at(period, now);
        self.used = self.used.saturating_add(cost);
    }

    pub(super) fn wait_ms(self, period: Period, now: Timestamp) -> u64 {
        ms_between(now, period.end(self.at(period, now).start))
    }

    pub(super) fn give_back(&mut self, period: Period, cost: u64, taken_at: Timestamp) {
        if period.start(taken_at) == self.start && self.used < SPENT {
            self.used = self.used.saturating_sub(cost);
        }
    }
}

impl State {
    pub(super) fn window(&self) -> Window {
        match &self.0 {
            Kept::Window(window) => *window,
            Kept::Burst(kept) => kept.0,
            _ => Window::default(),
        }
    }

    pub(super) fn ring(&self) -> Option<&Ring> {
        match &self.0 {
            Kept::Sliding(ring) => Some(ring),
            Kept::SlidingBurst(kept) => Some(&kept.0),
            _ => None,
        }
    }

    pub(super) fn slid(&self, period: Period, now: Timestamp) -> u64 {
        self.ring().map_or(0, |ring| ring.used(period, now))
    }

    pub(super) fn used(&self, sliding: bool, period: Period, now: Timestamp) -> u64 {
        if sliding {
            self.slid(period, now)
        } else {
            self.window().at(period, now).used
        }
    }

    pub(super) fn level(&self) -> Level {
        match &self.0 {
            Kept::Bucket(level) => *level,
            Kept::Burst(kept) => kept.1,
            Kept::SlidingBurst(kept) => kept.1,
            _ => Level::default(),
        }
    }

    pub(super) fn account(&self) -> Account {
        match &self.0 {
            Kept::Credits(account) => *account,
            _ => Account::default(),
        }
    }
}

impl Rule {
    /// A state for this rule with its memory allocated: taking from it allocates nothing. (Taking from a default
    /// state of a sliding window or a burst allocates once.)
    #[must_use]
    pub fn state(&self) -> State {
        State(match *self {
            Self::SlidingWindow { period, .. } => Kept::Sliding(Box::new(Ring::new(period))),
            Self::Burst {
                sliding: true,
                period,
                ..
            } => Kept::SlidingBurst(Box::new((Ring::new(period), Level::default()))),
            Self::Burst { .. } => Kept::Burst(Box::default()),
            Self::FixedWindow { .. } => Kept::Window(Window::default()),
            Self::Bucket { .. } => Kept::Bucket(Level::default()),
            Self::Credits(_) => Kept::Credits(Account::default()),
        })
    }

    /// What this rule remembers when it takes the place of another, as after a change of a plan: what was missing
    /// under the old rule is missing under the new one. A rule of the same kind and period keeps its state as it is.
    #[must_use]
    pub fn adopt(&self, before: &Self, state: State, now: Timestamp) -> State {
        if self.counts_like(before) {
            return state;
        }
        // All of the limit is all that can be missing: a window that was lost must not become a debt.
        let all = before.limit().max(self.limit());
        self.restore(Recorded {
            as_of: before.seen(&state).max(now),
            taken: before.record(&state, now).taken.min(all),
        })
    }

    /// What to write down of a state. Exact for fixed windows and balances; of the others no more comes back than
    /// was there.
    #[must_use]
    pub fn record(&self, state: &State, now: Timestamp) -> Recorded {
        let as_of = self.seen(state).max(now);
        let taken = match *self {
            Self::FixedWindow { period, .. } => state.window().at(period, now).used,
            Self::SlidingWindow { period, .. } => state.slid(period, now),
            Self::Bucket { .. } => self.shape().missing_tokens(&state.level(), now),
            Self::Credits(credits) => credits.spent(&state.account(), now),
            Self::Burst { max_burst, .. } => max_burst - self.peek(state, 0, now).remaining,
        };
        Recorded { as_of, taken }
    }

    /// The state that was written down.
    #[must_use]
    pub fn restore(&self, recorded: Recorded) -> State {
        let mut state = self.state();
        let Recorded { as_of, taken } = recorded;
        self.note(&mut state, taken, as_of);
        // What was taken may have come from the window or from the allowance: it is missing in both.
        let over = self.over(&self.state(), taken, as_of);
        let drawn = taken.min(self.shape().capacity).saturating_sub(over);
        match &mut state.0 {
            Kept::Burst(kept) => self.shape().take(&mut kept.1, drawn, as_of),
            Kept::SlidingBurst(kept) => self.shape().take(&mut kept.1, drawn, as_of),
            _ => {}
        }
        state
    }

    /// The latest moment that a state knows of.
    fn seen(&self, state: &State) -> Timestamp {
        match (*self, &state.0) {
            (_, Kept::Untouched) => Timestamp::default(),
            (_, Kept::Window(window)) => window.start,
            // The allowance notes the moment even when nothing is drawn from it.
            (_, Kept::Burst(kept)) => kept.1.seen(),
            (_, Kept::SlidingBurst(kept)) => kept.1.seen(),
            (_, Kept::Bucket(level)) => level.seen(),
            (_, Kept::Credits(account)) => account.seen(),
            (Self::SlidingWindow { period, .. }, Kept::Sliding(ring)) => ring.seen(period),
            (_, Kept::Sliding(_)) => Timestamp::default(),
        }
    }

    /// Whether a state of the one is a state of the other.
    fn counts_like(&self, other: &Self) -> bool {
        match (*self, *other) {
            (Self::FixedWindow { period, .. }, Self::FixedWindow { period: same, .. })
            | (Self::SlidingWindow { period, .. }, Self::SlidingWindow { period: same, .. })
            | (Self::Bucket { period, .. }, Self::Bucket { period: same, .. }) => period == same,
            (
                Self::Burst {
                    sliding, period, ..
                },
                Self::Burst {
                    sliding: like,
                    period: same,
                    ..
                },
            ) => sliding == like && period == same,
            (Self::Credits(_), Self::Credits(_)) => true,
            _ => false,
        }
    }

    /// Makes an untouched state one of this rule. One of another kind should have been adopted: it begins anew.
    pub(super) fn make_fit(&self, state: &mut State) {
        let fits = match (*self, &state.0) {
            (Self::FixedWindow { .. }, Kept::Window(_))
            | (Self::Burst { sliding: false, .. }, Kept::Burst(_))
            | (Self::Bucket { .. }, Kept::Bucket(_))
            | (Self::Credits(_), Kept::Credits(_)) => true,
            (Self::SlidingWindow { period, .. }, Kept::Sliding(ring)) => ring.fits(period),
            (
                Self::Burst {
                    sliding: true,
                    period,
                    ..
                },
                Kept::SlidingBurst(kept),
            ) => kept.0.fits(period),
            _ => false,
        };
        if !fits {
            *state = self.state();
        }
    }
}
