//! Hours of the week in which a key may be used, in the civil time of a zone.

use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// Minutes of a day; as an end of a window, its last moment.
pub const DAY_MINUTES: u16 = 24 * 60;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Weekday {
    /// Every day, beginning with Monday (ISO 8601).
    pub const ALL: &'static [Self] = &[
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// The name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "mon",
            Self::Tuesday => "tue",
            Self::Wednesday => "wed",
            Self::Thursday => "thu",
            Self::Friday => "fri",
            Self::Saturday => "sat",
            Self::Sunday => "sun",
        }
    }

    /// The day before.
    #[must_use]
    pub const fn yesterday(self) -> Self {
        match self {
            Self::Monday => Self::Sunday,
            Self::Tuesday => Self::Monday,
            Self::Wednesday => Self::Tuesday,
            Self::Thursday => Self::Wednesday,
            Self::Friday => Self::Thursday,
            Self::Saturday => Self::Friday,
            Self::Sunday => Self::Saturday,
        }
    }

    const fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

impl FromStr for Weekday {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        let found = Self::ALL.iter().find(|day| day.as_str() == text);
        found.copied().ok_or(InvalidWindow::Day)
    }
}

/// What a clock on the wall of a zone shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// The day.
    pub weekday: Weekday,
    /// Minutes since midnight, by the clock: 0 to 1439.
    pub minute: u16,
}

/// A minute of a day, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(u16);

impl FromStr for Minute {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, InvalidWindow> {
        let number = |text: &str| -> Option<u16> {
            let digits = text.len() == 2 && text.bytes().all(|digit| digit.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let minute = text.split_once(':').and_then(|(hours, minutes)| {
            let minutes = number(minutes).filter(|minutes| *minutes < 60)?;
            number(hours)?.checked_mul(60)?.checked_add(minutes)
        });
        minute
            .filter(|minute| *minute <= DAY_MINUTES)
            .map(Self)
            .ok_or(InvalidWindow::Minute)
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// Hours of some days of the week. A window that ends before it begins ends on the next day, and
/// belongs to the day on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// A bit for each day.
    days: u8,
    from: Minute,
    to: Minute,
    zone: Box<str>,
}

/// What cannot be meant as a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidWindow {
    /// Not a day.
    #[error("is not one of `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`")]
    Day,
    /// Not a time of day.
    #[error("is not a time of day such as `08:00`, from `00:00` to `24:00`")]
    Minute,
    /// No day at all.
    #[error("has no day")]
    NoDay,
    /// Begins where it ends.
    #[error("begins where it ends; a whole day is `00:00` to `24:00`")]
    Empty,
}

impl TimeWindow {
    /// A window. Whether the zone exists is asked where zones are known.
    ///
    /// # Errors
    /// When it has no day or no length.
    pub fn new(
        days: &[Weekday],
        from: Minute,
        to: Minute,
        zone: &str,
    ) -> Result<Self, InvalidWindow> {
        if days.is_empty() {
            return Err(InvalidWindow::NoDay);
        }
        // 24:00 is the next day's 00:00: nothing begins there.
        if from.0 % DAY_MINUTES == to.0 || from.0 == DAY_MINUTES {
            return Err(InvalidWindow::Empty);
        }
        Ok(Self {
            days: days.iter().fold(0, |days, day| days | day.bit()),
            from,
            to,
            zone: zone.into(),
        })
    }

    /// The days on which it begins.
    pub fn days(&self) -> impl Iterator<Item = Weekday> {
        let days = self.days;
        Weekday::ALL
            .iter()
            .copied()
            .filter(move |day| days & day.bit() != 0)
    }

    /// The first minute.
    #[must_use]
    pub const fn from(&self) -> Minute {
        self.from
    }

    /// The first minute after it.
    #[must_use]
    pub const fn to(&self) -> Minute {
        self.to
    }

    /// The name of its zone in the IANA database.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// Whether the clock of its zone shows a time within it.
    #[must_use]
    pub fn contains(&self, time: CivilTime) -> bool {
        let on = |day: Weekday| self.days & day.bit() != 0;
        let (from, to, minute) = (self.from.0, self.to.0, time.minute);
        if from < to {
            on(time.weekday) && (from..to).contains(&minute)
        } else {
            (on(time.weekday) && minute >= from) || (on(time.weekday.yesterday()) && minute < to)
        }
    }
}

impl fmt::Display for TimeWindow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, day) in self.days().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(formatter, "{comma}{}", day.as_str())?;
        }
        write!(formatter, " {}-{} {}", self.from, self.to, self.zone)
    }
}

#[cfg(test)]
mod tests;
