//! When credits come back, against counting days.

use keywright_core::limit::{Credits, Refill, RefillEvery, Retry, Rule};
use keywright_core::time::DAY_MS;
use proptest::prelude::*;

use crate::calendar::{at, day};
use crate::model::{any_credits, comes};

proptest! {
    #[test]
    fn the_next_refill_is_the_next_day_on_which_one_comes(
        credits in any_credits(), now in 0..6_300_000_000_000_i64,
    ) {
        let Some(refill) = credits.refill else { return Ok(()) };
        let mut next = day(now) + 1;
        while !comes(refill.every, next) {
            next += 1;
        }
        let midnight = i64::try_from(next).unwrap() * DAY_MS;
        prop_assert_eq!(refill.every.next(at(now)), at(midnight));
    }
}

#[test]
fn the_31st_is_the_last_day_of_a_shorter_month() {
    let every = RefillEvery::Monthly { day: 31 };
    // 2024-01-31 to 2024-02-29, 2024-03-31, 2024-04-30; and 2023-01-31 to 2023-02-28.
    for (after, next) in [
        (1_706_659_200, 1_709_164_800),
        (1_709_164_800, 1_711_843_200),
        (1_711_843_200, 1_714_435_200),
        (1_675_123_200, 1_677_542_400),
    ] {
        assert_eq!(every.next(at(after * 1000)), at(next * 1000));
        assert_eq!(every.next(at(next * 1000 - 1)), at(next * 1000));
    }
}

#[test]
fn refills_that_nobody_used_do_not_pile_up() {
    let every = RefillEvery::Daily;
    let rule = Rule::Credits(Credits {
        amount: 100,
        refill: Some(Refill { amount: 30, every }),
    });
    let (mut state, now) = (rule.state(), at(1_700_006_400_000));
    rule.take(&mut state, 100, now);
    let remaining = |state, days| rule.peek(state, 0, now.plus_days(days)).remaining;
    let balances: Vec<u64> = (0..6).map(|days| remaining(&state, days)).collect();
    assert_eq!(balances, [0, 30, 60, 90, 100, 100]);
    // One millisecond before the day's end, a refill is one millisecond away.
    let late = now.plus_milliseconds(DAY_MS - 1);
    let until_midnight = every.next(late).milliseconds() - late.milliseconds();
    let wait_ms = u64::try_from(until_midnight).unwrap();
    assert_eq!(wait_ms, 1);
    assert_eq!(rule.peek(&state, 200, late).refusal, Some(Retry::Never));
    assert_eq!(
        rule.refusal(&state, 30, late),
        Some(Retry::AfterMs(wait_ms))
    );
}

#[test]
fn what_is_spent_of_an_account_without_refill_is_spent() {
    let rule = Rule::Credits(Credits {
        amount: 5,
        refill: None,
    });
    let (mut state, now) = (rule.state(), at(1_700_000_000_000));
    rule.take(&mut state, 5, now);
    let standing = rule.peek(&state, 1, now.plus_days(36_500));
    assert_eq!(standing.remaining, 0);
    assert_eq!(standing.reset_ms, None);
    assert_eq!(standing.refusal, Some(Retry::Never));
}
