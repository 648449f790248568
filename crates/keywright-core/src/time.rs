//! Moments and spans. A moment is milliseconds since the Unix epoch, UTC; the API speaks seconds.

/// A moment in milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The milliseconds of a day, leap seconds aside (POSIX time has none).
pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The last second that the API accepts: 9999-12-31T23:59:59Z, the last that RFC 3339 can print.
pub const LAST_SECOND: i64 = 253_402_300_799;

impl Timestamp {
    /// The moment `milliseconds` after the Unix epoch.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// The moment `seconds` after the Unix epoch, or `None` outside 1970 to 9999.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        if seconds < 0 || seconds > LAST_SECOND {
            return None;
        }
        Some(Self(seconds * 1000))
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The second in which this moment lies, at its begin.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self(self.seconds().saturating_mul(1000))
    }

    /// This moment plus `milliseconds`, kept inside the range of the type.
    #[must_use]
    pub const fn plus_milliseconds(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// This moment plus `days` of 24 hours.
    #[must_use]
    pub const fn plus_days(self, days: u32) -> Self {
        self.plus_milliseconds((days as i64).saturating_mul(DAY_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_outside_the_printable_range_are_refused() {
        assert_eq!(Timestamp::from_seconds(-1), None);
        assert!(Timestamp::from_seconds(0).is_some());
        assert!(Timestamp::from_seconds(LAST_SECOND).is_some());
        assert_eq!(Timestamp::from_seconds(LAST_SECOND + 1), None);
    }

    #[test]
    fn days_count_24_hours_and_never_wrap() {
        let start = Timestamp::from_milliseconds(1_500);
        assert_eq!(start.plus_days(1).milliseconds(), DAY_MS + 1_500);
        assert_eq!(start.seconds(), 1);
        let end = Timestamp::from_milliseconds(i64::MAX);
        assert_eq!(end.plus_days(u32::MAX), end);
    }
}
