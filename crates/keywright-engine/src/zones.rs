//! What the clock on the wall of a zone shows. The zones are bundled, so that every node has the
//! same and none depends on its system's.

use std::sync::LazyLock;

use jiff::tz::TimeZoneDatabase;
use keywright_core::restriction::window::{CivilTime, Weekday};
use keywright_core::time::Timestamp;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The local time in a zone of the IANA database; `None` when there is no such zone.
#[must_use]
pub fn civil_time(zone: &str, now: Timestamp) -> Option<CivilTime> {
    let zone = ZONES.get(zone).ok()?;
    let moment = jiff::Timestamp::from_millisecond(now.milliseconds()).ok()?;
    let local = zone.to_datetime(moment);
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    Some(CivilTime {
        weekday: match local.weekday() {
            jiff::civil::Weekday::Monday => Weekday::Monday,
            jiff::civil::Weekday::Tuesday => Weekday::Tuesday,
            jiff::civil::Weekday::Wednesday => Weekday::Wednesday,
            jiff::civil::Weekday::Thursday => Weekday::Thursday,
            jiff::civil::Weekday::Friday => Weekday::Friday,
            jiff::civil::Weekday::Saturday => Weekday::Saturday,
            jiff::civil::Weekday::Sunday => Weekday::Sunday,
        },
        minute: u16::try_from(minute).ok()?,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use keywright_core::restriction::window::TimeWindow;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_milliseconds(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn shown(zone: &str, moment: &str) -> (Weekday, u16) {
        let time = civil_time(zone, at(moment)).unwrap();
        (time.weekday, time.minute)
    }

    fn window(days: &[Weekday], from: &str, to: &str, zone: &str) -> TimeWindow {
        TimeWindow::new(days, from.parse().unwrap(), to.parse().unwrap(), zone).unwrap()
    }

    fn open(window: &TimeWindow, moment: &str) -> bool {
        window.contains(civil_time(window.zone(), at(moment)).unwrap())
    }

    #[test]
    fn zones_far_from_greenwich_have_their_own_day() {
        let moment = "2024-01-31T11:30:00Z";
        assert_eq!(shown("UTC", moment), (Weekday::Wednesday, 11 * 60 + 30));
        let kiritimati = shown("Pacific/Kiritimati", moment);
        assert_eq!(kiritimati, (Weekday::Thursday, 90));
        assert_eq!(shown("Pacific/Pago_Pago", moment), (Weekday::Wednesday, 30));
        let kathmandu = shown("Asia/Kathmandu", moment);
        assert_eq!(kathmandu, (Weekday::Wednesday, 17 * 60 + 15));
        assert_eq!(civil_time("Mars/Olympus", at(moment)), None);
    }

    #[test]
    fn a_window_keeps_its_hours_when_the_clocks_change() {
        let office = window(Weekday::ALL, "08:00", "18:00", "Europe/Berlin");
        // Winter: UTC+1. Clocks go forward on 31 March 2024, 01:00 UTC, and back on 27 October.
        assert!(!open(&office, "2024-03-30T06:59:59.999Z"));
        assert!(open(&office, "2024-03-30T07:00:00Z"));
        assert!(open(&office, "2024-03-30T16:59:59.999Z"));
        assert!(!open(&office, "2024-03-30T17:00:00Z"));
        assert!(!open(&office, "2024-03-31T05:59:59.999Z"));
        assert!(open(&office, "2024-03-31T06:00:00Z"));
        assert!(!open(&office, "2024-03-31T16:00:00Z"));
        assert!(open(&office, "2024-10-26T06:00:00Z"));
        assert!(!open(&office, "2024-10-27T06:00:00Z"));
        assert!(open(&office, "2024-10-27T07:00:00Z"));
    }

    #[test]
    fn an_hour_that_is_skipped_never_opens_and_one_that_repeats_opens_twice() {
        let night = window(&[Weekday::Sunday], "02:00", "03:00", "Europe/Berlin");
        // 31 March 2024: 01:59 is followed by 03:00.
        assert!(!open(&night, "2024-03-31T00:59:59.999Z"));
        assert!(!open(&night, "2024-03-31T01:00:00Z"));
        // 27 October 2024: 02:00 to 03:00 is there in summer time, and again in winter time.
        assert!(!open(&night, "2024-10-26T23:59:59.999Z"));
        assert!(open(&night, "2024-10-27T00:00:00Z"));
        assert!(open(&night, "2024-10-27T00:59:59.999Z"));
        assert!(open(&night, "2024-10-27T01:00:00Z"));
        assert!(open(&night, "2024-10-27T01:59:59.999Z"));
        assert!(!open(&night, "2024-10-27T02:00:00Z"));
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_begins() {
        let shift = window(&[Weekday::Saturday], "22:00", "06:00", "Europe/Berlin");
        // The night of 30 to 31 March 2024 is an hour shorter: 06:00 is 04:00 UTC.
        assert!(!open(&shift, "2024-03-30T20:59:59.999Z"));
        assert!(open(&shift, "2024-03-30T21:00:00Z"));
        assert!(open(&shift, "2024-03-31T03:59:59.999Z"));
        assert!(!open(&shift, "2024-03-31T04:00:00Z"));
        assert!(!open(&shift, "2024-03-31T20:30:00Z"));
        // Saturday's early morning belongs to Friday.
        assert!(!open(&shift, "2024-03-30T01:00:00Z"));
    }
}
