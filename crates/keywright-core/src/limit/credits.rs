//! Credits: a balance that is spent and refilled at calendar moments, UTC. The balance never exceeds
//! the amount, so refills that nobody used do not pile up.

use alloc::string::String;

use super::period::{date_of, day_of, first_day, midnight, month_of};
use super::stored::{Numbers, add};
use crate::time::Timestamp;

/// A balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credits {
    /// The first balance, and the most that refills restore.
    pub amount: u64,
    /// What comes back, and when; `None` = what is spent is spent.
    pub refill: Option<Refill>,
}

/// What comes back to a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refill {
    /// Credits of each refill.
    pub amount: u64,
    /// When they come.
    pub every: RefillEvery,
}

/// When credits come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefillEvery {
    /// At midnight UTC.
    Daily,
    /// At the midnight that begins Monday, UTC (ISO 8601's first day of the week).
    Weekly,
    /// At the midnight that begins this day of the month, UTC; in shorter months, the last day.
    Monthly {
        /// 1 to 31.
        day: u8,
    },
}

/// What was spent, as of a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Account {
    spent: u64,
    at: Timestamp,
}

/// 1970-01-01 was a Thursday, three days after a Monday.
const DAYS_FROM_MONDAY: i64 = 3;

impl Account {
    /// Adds the account's numbers.
    pub(super) fn write(&self, text: &mut String) {
        add(text, self.spent);
        add(text, self.at.milliseconds());
    }

    /// Reads what [`Account::write`] wrote.
    pub(super) fn read(numbers: &mut Numbers<'_>) -> Option<Self> {
        Some(Self {
            spent: numbers.next()?,
            at: numbers.moment()?,
        })
    }
}

impl RefillEvery {
    /// How many refills have come up to and including `at`, from an arbitrary beginning.
    fn count(self, at: Timestamp) -> i64 {
        let today = day_of(at);
        match self {
            Self::Daily => today,
            Self::Weekly => (today + DAYS_FROM_MONDAY).div_euclid(7),
            Self::Monthly { day } => {
                let month = month_of(at);
                let (_, _, date) = date_of(today);
                if date >= refill_date(month, day) {
                    month
                } else {
                    month - 1
                }
            }
        }
    }

    /// When the refill of this count came or comes.
    fn moment(self, count: i64) -> Timestamp {
        match self {
            Self::Daily => midnight(count),
            Self::Weekly => midnight(count * 7 - DAYS_FROM_MONDAY),
            Self::Monthly { day } => midnight(first_day(count) + refill_date(count, day) - 1),
        }
    }

    /// The first refill after `at`.
    #[must_use]
    pub fn next(self, at: Timestamp) -> Timestamp {
        self.moment(self.count(at) + 1)
    }
}

/// The day of the month on which the refill comes.
fn refill_date(month: i64, day: u8) -> i64 {
    let last = first_day(month + 1) - first_day(month);
    i64::from(day).clamp(1, last)
}

impl Account {
    /// The latest moment that it knows of.
    pub(super) const fn seen(&self) -> Timestamp {
        self.at
    }
}

impl Credits {
    /// Refills from one moment to another.
    fn refills(self, from: Timestamp, to: Timestamp) -> u64 {
        // Refills come at midnight: most of the time the calendar need not be asked.
        if day_of(from) == day_of(to) {
            return 0;
        }
        let count = self.refill.map_or(0, |refill| {
            refill.every.count(to) - refill.every.count(from)
        });
        u64::try_from(count).unwrap_or(0)
    }

    fn returned(self, from: Timestamp, to: Timestamp) -> u64 {
        let amount = self.refill.map_or(0, |refill| refill.amount);
        amount.saturating_mul(self.refills(from, to))
    }

    pub(super) fn spent(self, account: &Account, now: Timestamp) -> u64 {
        let returned = self.returned(account.at, now);
        account.spent.saturating_sub(returned)
    }

    /// When the balance has room for `excess` more units than now; `None` = never.
    pub(super) fn moment_of(
        self,
        account: &Account,
        excess: u64,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let refill = self.refill.filter(|refill| refill.amount > 0)?;
        let seen = account.at.max(now);
        let needed = i64::try_from(excess.div_ceil(refill.amount)).ok()?;
        let count = refill.every.count(seen).checked_add(needed)?;
        // Beyond this many days the calendar's arithmetic would overflow, and nobody waits so long.
        (needed < 1 << 31).then(|| refill.every.moment(count))
    }

    pub(super) fn take(self, account: &mut Account, cost: u64, now: Timestamp) {
        *account = Account {
            spent: self.spent(account, now).saturating_add(cost),
            at: account.at.max(now),
        };
    }

    /// Less what refills have returned since: it would come twice.
    pub(super) fn give_back(
        self,
        account: &mut Account,
        cost: u64,
        taken_at: Timestamp,
        now: Timestamp,
    ) {
        let now = account.at.max(now);
        let owed = cost.saturating_sub(self.returned(taken_at, now));
        *account = Account {
            spent: self.spent(account, now).saturating_sub(owed),
            at: now,
        };
    }

    pub(super) fn empty_at(self, at: Timestamp) -> Account {
        Account {
            spent: self.amount,
            at,
        }
    }
}
