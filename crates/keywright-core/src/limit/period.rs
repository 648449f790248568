//! Periods of a limit and where they begin: aligned to UTC, which knows no daylight saving; months
//! by the proleptic Gregorian calendar (the algorithms of Hinnant, "chrono-compatible low-level date
//! algorithms"), without a time zone library.

use crate::time::{DAY_MS, Timestamp};

/// A span over which a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A calendar month.
    Month,
}

named!(Period {
    Second = "second",
    Minute = "minute",
    Hour = "hour",
    Day = "day",
    Month = "month",
});

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// The longest month: what is spread over it never exceeds a month's limit in any month.
const MONTH_MS_MAX: i64 = 31 * DAY_MS;

impl Period {
    /// When the period that contains `at` began.
    #[must_use]
    pub const fn start(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Second => floor(at, SECOND_MS),
            Self::Minute => floor(at, MINUTE_MS),
            Self::Hour => floor(at, HOUR_MS),
            Self::Day => floor(at, DAY_MS),
            Self::Month => month_start(month_of(at)),
        }
    }

    /// When the period that contains `at` ends, which is when the next begins.
    #[must_use]
    pub const fn end(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Month => month_start(month_of(at) + 1),
            Self::Second | Self::Minute | Self::Hour | Self::Day => {
                self.start(at).plus_milliseconds(self.length_ms() as i64)
            }
        }
    }

    /// The length in milliseconds; of a month, the longest: 31 days.
    #[must_use]
    pub const fn length_ms(self) -> u32 {
        (match self {
            Self::Second => SECOND_MS,
            Self::Minute => MINUTE_MS,
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
            Self::Month => MONTH_MS_MAX,
        }) as u32
    }

    /// Slots into which a sliding window divides the period. More slots admit more of the limit
    /// (one slot in this many may be withheld) and cost 8 bytes each.
    #[must_use]
    pub const fn slots(self) -> u32 {
        match self {
            Self::Second => 20,
            Self::Minute | Self::Hour => 60,
            Self::Day => 96,
            Self::Month => 124,
        }
    }
}

const fn floor(at: Timestamp, length_ms: i64) -> Timestamp {
    let at = at.milliseconds();
    Timestamp::from_milliseconds(at.saturating_sub(at.rem_euclid(length_ms)))
}

/// Days since 1970-01-01.
pub(super) const fn day_of(at: Timestamp) -> i64 {
    at.milliseconds().div_euclid(DAY_MS)
}

/// Months since January of the year 0.
pub(super) const fn month_of(at: Timestamp) -> i64 {
    let (year, month, _) = date_of(day_of(at));
    year * 12 + month - 1
}

/// The midnight that begins a month, counted since January of the year 0.
pub(super) const fn month_start(month: i64) -> Timestamp {
    midnight(first_day(month))
}

/// The midnight that begins a day, counted since 1970-01-01.
pub(super) const fn midnight(day: i64) -> Timestamp {
    Timestamp::from_milliseconds(day.saturating_mul(DAY_MS))
}

/// The first day of a month, counted since January of the year 0.
pub(super) const fn first_day(month: i64) -> i64 {
    day_number(month.div_euclid(12), month.rem_euclid(12) + 1, 1)
}

/// Days since 1970-01-01 of a date.
const fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month from 1 and day from 1 of a day since 1970-01-01.
pub(super) const fn date_of(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day_of_era = day.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}
