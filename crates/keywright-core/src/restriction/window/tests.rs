//! Tests of time windows, against walking through the minutes of a week.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn minute(minute: u16) -> Minute {
    format!("{:02}:{:02}", minute / 60, minute % 60)
        .parse()
        .unwrap()
}

#[test]
fn times_of_day_are_read_strictly() {
    for text in ["00:00", "08:05", "23:59", "24:00"] {
        assert_eq!(text.parse::<Minute>().unwrap().to_string(), text);
    }
    for text in [
        "", "8:00", "08:0", "08:60", "24:01", "25:00", "-1:00", "+8:00", "08:00:00", "0800",
        "08:00 ",
    ] {
        assert_eq!(text.parse::<Minute>(), Err(InvalidWindow::Minute), "{text}");
    }
}

#[test]
fn a_window_has_days_and_a_length() {
    let new = |days: &[Weekday], from, to| TimeWindow::new(days, minute(from), minute(to), "UTC");
    let monday = [Weekday::Monday];
    assert_eq!(new(&[], 0, 60), Err(InvalidWindow::NoDay));
    assert_eq!(new(&monday, 60, 60), Err(InvalidWindow::Empty));
    assert_eq!(new(&monday, 0, 0), Err(InvalidWindow::Empty));
    assert_eq!(new(&monday, DAY_MINUTES, 60), Err(InvalidWindow::Empty));
    assert_eq!(
        new(&monday, DAY_MINUTES, DAY_MINUTES),
        Err(InvalidWindow::Empty)
    );
    let whole = new(&monday, 0, DAY_MINUTES).unwrap();
    assert_eq!(whole.to_string(), "mon 00:00-24:00 UTC");
    let last = CivilTime {
        weekday: Weekday::Monday,
        minute: 1_439,
    };
    assert!(whole.contains(last));
    assert!(!whole.contains(CivilTime {
        weekday: Weekday::Tuesday,
        minute: 0
    }));
    let twice = TimeWindow::new(&[Weekday::Friday; 2], minute(0), minute(60), "UTC").unwrap();
    assert_eq!(twice.days().collect::<Vec<_>>(), [Weekday::Friday]);
}

proptest! {
    #[test]
    fn a_window_is_open_in_the_minutes_after_its_begins(
        days in prop::sample::subsequence(Weekday::ALL, 1..=7), from in 0..1_440_u16, to in 0..=1_440_u16,
        day in 0..7_usize, now in 0..1_440_u16,
    ) {
        let Ok(window) = TimeWindow::new(&days, minute(from), minute(to), "UTC") else {
            prop_assert_eq!(from % DAY_MINUTES, to % DAY_MINUTES);
            return Ok(());
        };
        let length = if to > from { to - from } else { DAY_MINUTES - from + to };
        // Every window of the week as its first minute and its length; the week is a circle.
        let week = 7 * usize::from(DAY_MINUTES);
        let moment = day * usize::from(DAY_MINUTES) + usize::from(now);
        let open = Weekday::ALL.iter().enumerate().any(|(index, begins)| {
            let begin = index * usize::from(DAY_MINUTES) + usize::from(from);
            days.contains(begins) && (moment + week - begin) % week < usize::from(length)
        });
        let weekday = *Weekday::ALL.get(day).unwrap();
        prop_assert_eq!(window.contains(CivilTime { weekday, minute: now }), open);
    }
}
