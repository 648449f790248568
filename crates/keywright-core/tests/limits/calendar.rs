//! A naive calendar that counts day by day, and the product's calendar against it.

use std::sync::LazyLock;

use keywright_core::limit::Period;
use keywright_core::time::{DAY_MS, Timestamp};
use proptest::prelude::*;

/// Year, month and date of each day from 1970 to the end of 2200.
pub(crate) static DAYS: LazyLock<Vec<(i64, i64, i64)>> = LazyLock::new(|| {
    let mut days = Vec::new();
    for year in 1970..=2200_i64 {
        for month in 1..=12_i64 {
            for date in 1..=days_in(year, month) {
                days.push((year, month, date));
            }
        }
    }
    days
});

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(crate) fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(milliseconds)
}

/// The day in which a moment lies, as its place in [`DAYS`].
pub(crate) fn day(milliseconds: i64) -> usize {
    usize::try_from(milliseconds / DAY_MS).unwrap()
}

/// The begin of the month that contains a moment: back day by day to the first.
fn month_start(milliseconds: i64) -> i64 {
    let mut day = day(milliseconds);
    while DAYS[day].2 != 1 {
        day -= 1;
    }
    i64::try_from(day).unwrap() * DAY_MS
}

fn month_end(milliseconds: i64) -> i64 {
    let mut day = day(milliseconds) + 1;
    while DAYS[day].2 != 1 {
        day += 1;
    }
    i64::try_from(day).unwrap() * DAY_MS
}

/// The begin of the period that contains a moment.
pub(crate) fn naive_start(period: Period, milliseconds: i64) -> i64 {
    match period {
        Period::Month => month_start(milliseconds),
        _ => milliseconds - milliseconds % i64::from(period.length_ms()),
    }
}

#[test]
fn every_month_from_1970_to_2200_begins_and_ends_where_counting_days_says() {
    let last = DAYS.len() - 31;
    for (day, (_, _, date)) in DAYS.iter().enumerate().take(last) {
        let midnight = i64::try_from(day).unwrap() * DAY_MS;
        let start = midnight - (date - 1) * DAY_MS;
        let (year, month, _) = DAYS[day];
        let end = start + days_in(year, month) * DAY_MS;
        for moment in [midnight, midnight + 1, midnight + DAY_MS - 1] {
            assert_eq!(Period::Month.start(at(moment)), at(start));
            assert_eq!(Period::Month.end(at(moment)), at(end));
        }
    }
}

#[test]
fn days_have_24_hours_where_clocks_on_walls_are_changed() {
    // 2024-03-10 and 2024-11-03 (United States), 2024-03-31 and 2024-10-27 (European Union),
    // 2011-12-30 (Samoa skipped it): UTC knows none of that.
    for second in [
        1_710_028_800,
        1_730_592_000,
        1_711_843_200,
        1_729_987_200,
        1_325_203_200,
    ] {
        let midnight = Timestamp::from_seconds(second).unwrap();
        assert_eq!(Period::Day.start(midnight), midnight);
        for hour in 0..24 {
            let begin = midnight.plus_milliseconds(hour * 3_600_000);
            let inside = begin.plus_milliseconds(1_799_999);
            assert_eq!(Period::Hour.start(inside), begin);
            assert_eq!(Period::Hour.end(inside), begin.plus_milliseconds(3_600_000));
            assert_eq!(Period::Day.start(inside), midnight);
            assert_eq!(Period::Day.end(inside), midnight.plus_days(1));
        }
    }
}

#[test]
fn leap_years_have_their_29th_of_february() {
    // (a moment of February, its days): 1999, 2000, 2024, 2100.
    for (second, days) in [
        (919_036_800, 28),
        (950_572_800, 29),
        (1_707_955_200, 29),
        (4_106_332_800, 28),
    ] {
        let moment = Timestamp::from_seconds(second).unwrap();
        let start = Period::Month.start(moment);
        assert_eq!(Period::Month.end(moment), start.plus_days(days));
    }
}

#[test]
fn names_of_periods_are_read_back() {
    for period in Period::ALL {
        assert_eq!(Period::from_name(period.as_str()), Some(*period));
    }
    assert_eq!(Period::from_name("fortnight"), None);
}

proptest! {
    #[test]
    fn every_moment_lies_in_its_period_and_the_next_begins_at_its_end(
        milliseconds in -62_000_000_000_000_i64..250_000_000_000_000,
        period in prop::sample::select(Period::ALL),
    ) {
        let moment = at(milliseconds);
        let (start, end) = (period.start(moment), period.end(moment));
        prop_assert!(start <= moment && moment < end);
        prop_assert_eq!(period.start(end), end);
        prop_assert_eq!(period.end(start), end);
        prop_assert_eq!(period.start(end.plus_milliseconds(-1)), start);
        let length = end.milliseconds() - start.milliseconds();
        prop_assert!(length <= i64::from(period.length_ms()));
    }

    #[test]
    fn no_moment_is_too_far_away(milliseconds in any::<i64>(), period in prop::sample::select(Period::ALL)) {
        prop_assert!(period.start(at(milliseconds)) <= period.end(at(milliseconds)));
    }

    #[test]
    fn months_are_those_of_the_naive_calendar(milliseconds in 0..7_200_000_000_000_i64) {
        prop_assert_eq!(Period::Month.start(at(milliseconds)), at(month_start(milliseconds)));
        prop_assert_eq!(Period::Month.end(at(milliseconds)), at(month_end(milliseconds)));
    }
}
