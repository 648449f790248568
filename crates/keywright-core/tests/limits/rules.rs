//! Each rule alone: it grants what the model grants, says truly when it will, and keeps its limit.

use keywright_core::limit::{Credits, Period, Retry, Rule, State};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use crate::calendar::{at, naive_start};
use crate::model::{Model, any_story};

/// Farther than any refill of the stories' numbers.
const FAR_MS: i64 = 6 * 365 * 86_400_000;

/// That a rule's standing says of every cost what the model says.
fn stands_as(
    model: &Model,
    rule: Rule,
    state: &State,
    cost: u64,
    now: i64,
) -> Result<bool, TestCaseError> {
    let standing = rule.peek(state, cost, at(now));
    prop_assert_eq!(standing.limit, rule.limit());
    prop_assert_eq!(standing.refusal, rule.refusal(state, cost, at(now)));
    prop_assert_eq!(standing.refusal.is_none(), model.fits(cost, now));
    prop_assert!(model.fits(standing.remaining, now));
    prop_assert!(!model.fits(standing.remaining + 1, now));
    match standing.refusal {
        None => {}
        Some(Retry::AfterMs(wait_ms)) => {
            let then = now + i64::try_from(wait_ms).unwrap();
            prop_assert!(model.fits(cost, then), "fits after {} ms", wait_ms);
            prop_assert!(
                !model.fits(cost, then - 1),
                "not sooner than {} ms",
                wait_ms
            );
            prop_assert!(
                standing
                    .reset_ms
                    .is_some_and(|reset_ms| reset_ms <= wait_ms)
            );
        }
        Some(Retry::Never) => prop_assert!(!model.fits(cost, now + FAR_MS)),
    }
    match standing.reset_ms {
        None => prop_assert!(!model.fits(standing.remaining + 1, now + FAR_MS)),
        Some(reset_ms) if standing.remaining < standing.limit => {
            let then = now + i64::try_from(reset_ms).unwrap();
            prop_assert!(model.fits(standing.remaining + 1, then));
            prop_assert!(!model.fits(standing.remaining + 1, then - 1));
        }
        Some(_) => {}
    }
    Ok(standing.refusal.is_none())
}

/// What flowed in every span, whatever the algorithm: counted over the true moments.
fn keeps_its_limit(rule: Rule, taken: &[(i64, u64)]) -> Result<(), TestCaseError> {
    let flow = |from: i64, until: i64| -> u64 {
        let inside = taken.iter().filter(|(at, _)| from <= *at && *at < until);
        inside.map(|(_, cost)| cost).sum()
    };
    for (start, _) in taken {
        match rule {
            Rule::FixedWindow { period, limit } => {
                let start = naive_start(period, *start);
                let end = period.end(at(start)).milliseconds();
                prop_assert!(flow(start, end) <= limit);
            }
            Rule::SlidingWindow { period, limit } => {
                let end = start + i64::from(period.length_ms());
                prop_assert!(flow(*start, end) <= limit);
            }
            Rule::Burst {
                sliding,
                period,
                max_burst,
                ..
            } => {
                let start = if sliding {
                    *start
                } else {
                    naive_start(period, *start)
                };
                let end = start + i64::from(period.length_ms());
                let end = if sliding {
                    end
                } else {
                    period.end(at(start)).milliseconds()
                };
                prop_assert!(flow(start, end) <= max_burst);
            }
            Rule::Bucket {
                capacity,
                refill,
                period,
            } => {
                // In one period, a full bucket and one period's refill.
                let end = start + i64::from(period.length_ms());
                prop_assert!(flow(*start, end) <= capacity + refill);
            }
            Rule::Credits(_) => {}
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_rule_grants_what_the_model_grants_and_says_when((rule, start, steps) in any_story()) {
        let (mut model, mut state, mut now) = (Model::new(rule), State::default(), start);
        for (step, cost) in steps {
            now = (now + step).max(0);
            if stands_as(&model, rule, &state, cost, now)? {
                rule.take(&mut state, cost, at(now));
                model.take(cost, now);
            }
        }
        keeps_its_limit(rule, &model.taken)?;
    }

    #[test]
    fn a_default_state_and_one_made_for_the_rule_are_the_same((rule, start, steps) in any_story()) {
        let (mut default, mut made, mut now) = (State::default(), rule.state(), start);
        for (step, cost) in steps {
            now = (now + step).max(0);
            prop_assert_eq!(rule.peek(&default, cost, at(now)), rule.peek(&made, cost, at(now)));
            rule.take(&mut default, cost, at(now));
            rule.take(&mut made, cost, at(now));
        }
    }

    #[test]
    fn a_clock_that_steps_back_opens_nothing((rule, start, steps) in any_story(), back in 1..10_000_000_000_i64) {
        let (mut state, mut now) = (rule.state(), start);
        for (step, cost) in steps {
            now += step.max(0);
            if rule.refusal(&state, cost, at(now)).is_none() {
                rule.take(&mut state, cost, at(now));
                let here = rule.peek(&state, 0, at(now)).remaining;
                let before = rule.peek(&state, 0, at(now - back)).remaining;
                prop_assert!(cost == 0 || before == here);
            }
        }
    }

    #[test]
    fn nothing_costs_nothing((rule, start, steps) in any_story()) {
        let (mut state, mut now) = (State::default(), start);
        for (step, cost) in steps {
            now = (now + step).max(0);
            let before = state.clone();
            rule.take(&mut state, 0, at(now));
            prop_assert_eq!(&state, &before);
            prop_assert_eq!(rule.refusal(&state, 0, at(now)), None);
            rule.take(&mut state, cost, at(now));
        }
    }

    #[test]
    fn what_exceeds_the_limit_never_fits((rule, start, _) in any_story(), more in 1..u64::MAX / 2) {
        let state = rule.state();
        prop_assert_eq!(rule.refusal(&state, rule.limit(), at(start)), None);
        prop_assert_eq!(rule.refusal(&state, rule.limit() + more, at(start)), Some(Retry::Never));
    }
}

#[test]
fn the_largest_numbers_are_counted_exactly() {
    let limit = 1_000_000_000_000;
    for period in Period::ALL {
        let (capacity, refill, period) = (limit, limit, *period);
        for rule in [
            Rule::FixedWindow { period, limit },
            Rule::SlidingWindow { period, limit },
            Rule::Bucket {
                capacity,
                refill,
                period,
            },
            Rule::Credits(Credits {
                amount: limit,
                refill: None,
            }),
        ] {
            let (mut state, now) = (rule.state(), at(1_700_000_000_000));
            rule.take(&mut state, limit - 1, now);
            assert_eq!(rule.peek(&state, 1, now).remaining, 1);
            rule.take(&mut state, 1, now);
            assert!(rule.refusal(&state, 1, now).is_some());
        }
    }
}

#[test]
fn what_was_recorded_beyond_the_limit_must_first_come_back() {
    let (capacity, refill, period) = (10, 10, Period::Second);
    let rule = Rule::Bucket {
        capacity,
        refill,
        period,
    };
    let (mut state, now) = (rule.state(), at(1_700_000_000_000));
    rule.take(&mut state, 30, now);
    assert_eq!(rule.refusal(&state, 1, now), Some(Retry::AfterMs(2_100)));
    let later = |ms| now.plus_milliseconds(ms);
    assert!(rule.refusal(&state, 1, later(2_099)).is_some());
    assert_eq!(rule.refusal(&state, 1, later(2_100)), None);
}

#[test]
fn a_burst_is_the_one_of_the_documentation() {
    // 100 a second, 200 at most, the allowance of 100 comes back over 60 s.
    let rule = Rule::Burst {
        sliding: false,
        period: Period::Second,
        limit: 100,
        max_burst: 200,
        over_s: 60,
    };
    let (mut state, now) = (rule.state(), at(1_700_000_000_000));
    let later = |seconds: i64| now.plus_milliseconds(seconds * 1000);
    assert_eq!(rule.refusal(&state, 200, now), None);
    rule.take(&mut state, 200, now);
    assert_eq!(rule.peek(&state, 1, now).remaining, 0);
    // A second later the window is open again, and the allowance has one of its 100.
    assert_eq!(rule.peek(&state, 1, later(1)).remaining, 101);
    rule.take(&mut state, 100, later(1));
    assert_eq!(rule.peek(&state, 1, later(30)).remaining, 150);
    assert_eq!(rule.peek(&state, 1, later(60)).remaining, 200);
}

#[test]
fn what_has_left_a_sliding_window_cannot_be_given_back() {
    let (period, limit) = (Period::Second, 10);
    let rule = Rule::SlidingWindow { period, limit };
    let first = at(1_700_000_000_000);
    for later_ms in [1_049, 1_050, 1_099, 1_100] {
        let (mut state, later) = (rule.state(), first.plus_milliseconds(later_ms));
        rule.take(&mut state, 3, first);
        rule.take(&mut state, 5, later);
        rule.give_back(&mut state, 3, first, later);
        let last = later.plus_milliseconds(999);
        assert_eq!(rule.peek(&state, 0, later).remaining, 5);
        assert_eq!(rule.peek(&state, 0, last).remaining, 5, "{later_ms}");
    }
}

#[test]
fn what_flowed_back_is_not_given_back_by_a_clock_that_stepped_back() {
    let (capacity, refill, period) = (10, 10, Period::Second);
    let rule = Rule::Bucket {
        capacity,
        refill,
        period,
    };
    let (mut state, now) = (rule.state(), at(1_700_000_000_000));
    let later = now.plus_milliseconds(1_000);
    rule.take(&mut state, 10, now);
    rule.take(&mut state, 5, later);
    rule.give_back(&mut state, 10, now, now);
    assert_eq!(rule.peek(&state, 0, later).remaining, 5);
}
