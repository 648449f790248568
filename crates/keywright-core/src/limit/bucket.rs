//! A bucket that fills evenly, exact in integers (the generic cell rate algorithm, ITU-T I.371, in
//! its leaky-bucket form). One token costs as many units as the filling time has milliseconds, and
//! each millisecond returns as many units as tokens fill in that time: nothing is ever rounded.

use alloc::string::String;

use super::stored::{Numbers, add};
use crate::time::Timestamp;

/// How a bucket fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Tokens that it holds.
    pub(super) capacity: u64,
    /// Tokens that flow back in `over_ms`.
    pub(super) refill: u64,
    /// Milliseconds; the units that a token costs.
    pub(super) over_ms: u32,
}

/// What is missing in a bucket: 96 bits of units, as of a moment. 24 bytes, since there are many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Level {
    low: u64,
    high: u32,
    /// Units of a token when this was written.
    over_ms: u32,
    at: Timestamp,
}

/// The most units that a level can remember.
const UNITS_MAX: u128 = (1 << 96) - 1;

impl Level {
    /// Adds the level's numbers.
    pub(super) fn write(&self, text: &mut String) {
        add(text, self.low);
        add(text, self.high);
        add(text, self.over_ms);
        add(text, self.at.milliseconds());
    }

    /// Reads what [`Level::write`] wrote.
    pub(super) fn read(numbers: &mut Numbers<'_>) -> Option<Self> {
        Some(Self {
            low: numbers.next()?,
            high: numbers.next()?,
            over_ms: numbers.next()?,
            at: numbers.moment()?,
        })
    }
}

impl Shape {
    fn units(self, tokens: u64) -> u128 {
        u128::from(tokens) * u128::from(self.over_ms)
    }

    fn returned(self, from: Timestamp, to: Timestamp) -> u128 {
        let elapsed = to.milliseconds().abs_diff(from.milliseconds());
        if to > from {
            u128::from(elapsed) * u128::from(self.refill)
        } else {
            0
        }
    }

    /// Units missing at `now`.
    fn missing(self, level: &Level, now: Timestamp) -> u128 {
        let units = u128::from(level.high) << 64 | u128::from(level.low);
        let units = if level.over_ms == self.over_ms || level.over_ms == 0 {
            units
        } else {
            // The filling time was changed: the missing tokens stay missing.
            let (old, new) = (u128::from(level.over_ms), u128::from(self.over_ms));
            (units / old * new).saturating_add((units % old * new).div_ceil(old))
        };
        units.saturating_sub(self.returned(level.at, now))
    }

    fn write(self, level: &mut Level, units: u128, now: Timestamp) {
        let units = units.min(UNITS_MAX);
        *level = Level {
            low: units as u64,
            high: (units >> 64) as u32,
            over_ms: self.over_ms,
            at: level.at.max(now),
        };
    }

    /// Whole tokens in the bucket.
    pub(super) fn available(self, level: &Level, now: Timestamp) -> u64 {
        let free = self
            .units(self.capacity)
            .saturating_sub(self.missing(level, now));
        divide(free, self.over_ms)
    }

    /// Tokens missing in the bucket, a part of one as a whole one.
    pub(super) fn missing_tokens(self, level: &Level, now: Timestamp) -> u64 {
        let tokens = self
            .missing(level, now)
            .div_ceil(u128::from(self.over_ms.max(1)));
        u64::try_from(tokens).unwrap_or(u64::MAX)
    }

    /// Milliseconds from `now` until `tokens` are in the bucket; `None` if they never will be.
    pub(super) fn wait_ms(self, level: &Level, tokens: u64, now: Timestamp) -> Option<u64> {
        if tokens > self.capacity {
            return None;
        }
        let excess = (self.missing(level, now) + self.units(tokens))
            .saturating_sub(self.units(self.capacity));
        if excess == 0 {
            return Some(0);
        }
        if self.refill == 0 {
            return None;
        }
        // A clock that stepped back must first come back to the latest moment seen.
        let behind = u128::from(ms_between(now, level.at));
        let wait = excess.div_ceil(u128::from(self.refill)) + behind;
        Some(u64::try_from(wait).unwrap_or(u64::MAX))
    }

    /// Takes tokens out. More than there are leaves the bucket in debt.
    pub(super) fn take(self, level: &mut Level, tokens: u64, now: Timestamp) {
        let units = self.missing(level, now).saturating_add(self.units(tokens));
        self.write(level, units, now);
    }

    /// Puts back tokens that were taken and not used, less what has flowed back since they were
    /// taken: it would come twice.
    pub(super) fn give_back(
        self,
        level: &mut Level,
        tokens: u64,
        taken_at: Timestamp,
        now: Timestamp,
    ) {
        let now = level.at.max(now);
        let owed = self
            .units(tokens)
            .saturating_sub(self.returned(taken_at, now));
        let units = self.missing(level, now).saturating_sub(owed);
        self.write(level, units, now);
    }

    /// A bucket that was empty at a moment.
    pub(super) fn empty_at(self, at: Timestamp) -> Level {
        let mut level = Level {
            at,
            ..Level::default()
        };
        self.write(&mut level, self.units(self.capacity), at);
        level
    }
}

impl Level {
    /// The latest moment that it knows of.
    pub(super) const fn seen(&self) -> Timestamp {
        self.at
    }
}

/// Divides; 64 bits where they suffice, which is several times quicker.
fn divide(units: u128, by: u32) -> u64 {
    match u64::try_from(units) {
        Ok(units) => units / u64::from(by.max(1)),
        Err(_) => u64::try_from(units / u128::from(by.max(1))).unwrap_or(u64::MAX),
    }
}

/// Milliseconds from `from` to `to`, 0 if `to` is not later.
pub(super) fn ms_between(from: Timestamp, to: Timestamp) -> u64 {
    if to > from {
        to.milliseconds().abs_diff(from.milliseconds())
    } else {
        0
    }
}
