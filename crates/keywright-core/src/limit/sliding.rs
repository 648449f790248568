//! A sliding window in slots. What was taken counts as taken at the begin of its slot and until its
//! slot's end has left the window, so that no true window ever holds more than the limit.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::period::Period;
use super::stored::{Numbers, add};
use crate::time::Timestamp;

/// More than any limit, and little enough that sums do not overflow: marks what counts as spent
/// because the counter was lost.
pub(super) const SPENT: u64 = 1 << 62;

/// Slots of the longest ring, a month's.
const LENGTH_MAX: usize = Period::Month.slots() as usize + 1;

/// What was taken in each of the last slots; allocated once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    /// The slots of a period and the present one, at their number modulo the length.
    taken: Box<[u64]>,
    /// The latest slot seen.
    newest: i64,
}

/// Milliseconds of a slot.
fn slot_ms(period: Period) -> i64 {
    i64::from(period.length_ms() / period.slots())
}

fn slot_of(period: Period, at: Timestamp) -> i64 {
    at.milliseconds().div_euclid(slot_ms(period))
}

impl Ring {
    pub(super) fn new(period: Period) -> Self {
        Self {
            taken: vec![0; period.slots() as usize + 1].into(),
            newest: i64::MIN / 2,
        }
    }

    /// Whether the ring was made for this period.
    pub(super) fn fits(&self, period: Period) -> bool {
        self.taken.len() == period.slots() as usize + 1
    }

    /// Adds the ring's numbers.
    pub(super) fn write(&self, text: &mut String) {
        add(text, self.newest);
        add(text, self.taken.len());
        for taken in &self.taken {
            add(text, taken);
        }
    }

    /// Reads what [`Ring::write`] wrote.
    pub(super) fn read(numbers: &mut Numbers<'_>) -> Option<Self> {
        let newest = numbers.next()?;
        let length: usize = numbers.next()?;
        let known = Period::ALL
            .iter()
            .any(|period| length == period.slots() as usize + 1);
        let taken: Option<Vec<u64>> = (0..length)
            .map(|_| numbers.next())
            .take(LENGTH_MAX)
            .collect();
        let taken = taken.filter(|_| known)?;
        Some(Self {
            taken: taken.into(),
            newest,
        })
    }

    /// The begin of the latest slot seen.
    pub(super) fn seen(&self, period: Period) -> Timestamp {
        Timestamp::from_milliseconds(self.newest.saturating_mul(slot_ms(period)))
    }

    fn length(&self) -> i64 {
        self.taken.len() as i64
    }

    fn at(&self, slot: i64) -> u64 {
        let place = slot.rem_euclid(self.length()) as usize;
        self.taken.get(place).copied().unwrap_or_default()
    }

    fn at_mut(&mut self, slot: i64) -> Option<&mut u64> {
        let place = slot.rem_euclid(self.length()) as usize;
        self.taken.get_mut(place)
    }

    /// The slots that count when the present one is `now`, oldest first.
    fn counting(&self, now: i64) -> core::ops::RangeInclusive<i64> {
        now - self.length() + 1..=self.newest
    }

    /// What was taken in the window that ends `now`.
    pub(super) fn used(&self, period: Period, now: Timestamp) -> u64 {
        let now = slot_of(period, now);
        if now <= self.newest {
            let sum = |sum: u64, taken: &u64| sum.saturating_add(*taken);
            return self.taken.iter().fold(0, sum);
        }
        self.counting(now)
            .fold(0, |sum, slot| sum.saturating_add(self.at(slot)))
    }

    /// Milliseconds from `now` until at least `needed` units have left the window, if so many are in it.
    pub(super) fn wait_ms(&self, period: Period, needed: u64, now: Timestamp) -> Option<u64> {
        if needed == 0 {
            return Some(0);
        }
        self.departures(period, now)
            .find(|(_, left)| *left >= needed)
            .map(|(wait_ms, _)| wait_ms)
    }

    /// When each slot leaves the window, in milliseconds from `now`, and what will have left it by then.
    pub(super) fn departures(
        &self,
        period: Period,
        now: Timestamp,
    ) -> impl Iterator<Item = (u64, u64)> {
        let counting = self.counting(slot_of(period, now).max(self.newest));
        counting.scan(0_u64, move |left, slot| {
            *left = left.saturating_add(self.at(slot));
            let gone = (slot + self.length()).saturating_mul(slot_ms(period));
            let wait = gone.saturating_sub(now.milliseconds()).unsigned_abs();
            Some((wait, *left))
        })
    }

    fn advance(&mut self, now: i64) {
        if now - self.newest >= self.length() {
            self.taken.fill(0);
        } else {
            for slot in self.newest + 1..=now {
                if let Some(taken) = self.at_mut(slot) {
                    *taken = 0;
                }
            }
        }
        self.newest = self.newest.max(now);
    }

    pub(super) fn take(&mut self, period: Period, cost: u64, now: Timestamp) {
        self.advance(slot_of(period, now));
        if let Some(taken) = self.at_mut(self.newest) {
            *taken = taken.saturating_add(cost);
        }
    }

    /// Gives back what was taken in a slot that still counts.
    pub(super) fn give_back(&mut self, period: Period, cost: u64, taken_at: Timestamp) {
        let slot = slot_of(period, taken_at);
        if slot > self.newest || slot <= self.newest - self.length() {
            return;
        }
        // A slot that counts as spent stays so.
        if let Some(taken) = self.at_mut(slot).filter(|taken| **taken < SPENT) {
            *taken = taken.saturating_sub(cost);
        }
    }
}
