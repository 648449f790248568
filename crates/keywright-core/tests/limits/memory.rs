//! What is remembered: of a rule that changes, and of a state that is written down and read back.

use keywright_core::limit::{Period, Rule, State};
use proptest::prelude::*;

use crate::calendar::at;
use crate::model::{any_burst, any_rule, any_story, story_of};

/// Whether a written state comes back as it was.
fn is_exact(rule: Rule) -> bool {
    matches!(rule, Rule::FixedWindow { .. } | Rule::Credits(_))
}

proptest! {
    #[test]
    fn what_is_written_down_comes_back_and_never_as_more(
        (rule, start, steps) in any_story(), written in 0..60_usize, back in 0..100_000_i64,
    ) {
        let (mut state, mut now) = (rule.state(), start);
        let mut read = None;
        for (index, (step, cost)) in steps.into_iter().enumerate() {
            now += step.max(0);
            let judge = read.as_ref().unwrap_or(&state);
            if rule.refusal(judge, cost, at(now)).is_none() {
                rule.take(&mut state, cost, at(now));
                if let Some(read) = &mut read {
                    rule.take(read, cost, at(now));
                }
            }
            if index == written {
                // By a clock that may have stepped back.
                read = Some(rule.restore(rule.record(&state, at(now - back))));
            }
            if let Some(read) = &read {
                let left = |state: &State| rule.peek(state, 0, at(now)).remaining;
                prop_assert!(left(read) <= left(&state));
                prop_assert!(!is_exact(rule) || left(read) == left(&state));
            }
        }
    }

    #[test]
    fn a_changed_rule_forgets_nothing((rule, start, steps) in any_story(), changed in any_rule()) {
        let (mut state, mut now) = (rule.state(), start);
        for (step, cost) in steps {
            now += step.max(0);
            if rule.refusal(&state, cost, at(now)).is_none() {
                rule.take(&mut state, cost, at(now));
            }
        }
        let missing = rule.limit() - rule.peek(&state, 0, at(now)).remaining;
        let kept = rule.adopt(&rule, state.clone(), at(now));
        prop_assert_eq!(&kept, &state);
        let adopted = changed.adopt(&rule, state, at(now));
        let same_kind = std::mem::discriminant(&rule) == std::mem::discriminant(&changed);
        let remaining = changed.peek(&adopted, 0, at(now)).remaining;
        prop_assert!(same_kind || remaining <= changed.limit().saturating_sub(missing));
    }

    #[test]
    fn a_burst_keeps_what_is_missing_when_its_window_changes(
        (rule, start, steps) in any_burst().prop_flat_map(story_of), over_s in 1..2_678_400_u32,
    ) {
        let Rule::Burst { sliding, period, limit, max_burst, .. } = rule else { return Ok(()) };
        let changed = Rule::Burst { sliding, period, limit, max_burst, over_s };
        let (mut state, mut now) = (rule.state(), start);
        for (step, cost) in steps {
            now += step.max(0);
            if rule.refusal(&state, cost, at(now)).is_none() {
                rule.take(&mut state, cost, at(now));
            }
        }
        // Now, so that nothing flows back: one token may be withheld to round.
        rule.take(&mut state, 1, at(now));
        let remaining = |rule: Rule| rule.peek(&state, 0, at(now)).remaining;
        prop_assert!(remaining(changed) <= remaining(rule));
        prop_assert!(remaining(changed) + 1 >= remaining(rule));
    }
}

#[test]
fn a_lost_window_does_not_become_a_debt_of_the_next_rule() {
    let (period, limit, now) = (Period::Minute, 10, at(1_700_000_000_000));
    let before = Rule::FixedWindow { period, limit };
    let after = Rule::Bucket {
        capacity: limit,
        refill: limit,
        period,
    };
    let state = after.adopt(&before, before.after_loss(now), now);
    let remaining = |ms| after.peek(&state, 0, now.plus_milliseconds(ms)).remaining;
    assert_eq!(
        [remaining(0), remaining(5_999), remaining(6_000)],
        [0, 0, 1]
    );
    assert_eq!(remaining(60_000), limit);
}

#[test]
fn a_burst_that_begins_to_slide_forgets_nothing() {
    for sliding in [false, true] {
        let burst = |sliding| Rule::Burst {
            sliding,
            period: Period::Minute,
            limit: 10,
            max_burst: 20,
            over_s: 600,
        };
        let (before, after, now) = (burst(sliding), burst(!sliding), at(1_700_000_000_000));
        let mut state = before.state();
        before.take(&mut state, 15, now);
        let state = after.adopt(&before, state, now);
        assert_eq!(after.peek(&state, 0, now).remaining, 0);
        // 15 of the allowance's 10 are missing, as far as anybody knows: ten minutes fill it.
        let remaining = |minutes: i64| {
            let later = now.plus_milliseconds(minutes * 60_000);
            after.peek(&state, 0, later).remaining
        };
        assert_eq!([remaining(2), remaining(10)], [12, 20]);
    }
}

#[test]
fn a_rule_that_is_changed_by_a_clock_that_stepped_back_opens_no_window() {
    let (period, limit, border) = (Period::Minute, 10, at(1_700_000_040_000));
    let before = Rule::Bucket {
        capacity: limit,
        refill: limit,
        period,
    };
    let after = Rule::FixedWindow { period, limit };
    let mut state = before.state();
    before.take(&mut state, limit, border);
    let state = after.adopt(&before, state, border.plus_milliseconds(-1));
    assert_eq!(after.peek(&state, 0, border).remaining, 0);
}

#[test]
fn a_state_of_nothing_still_remembers_its_moment() {
    let (period, limit, border) = (Period::Minute, 10, at(1_700_000_040_000));
    let rule = Rule::FixedWindow { period, limit };
    let mut state = rule.state();
    rule.take(&mut state, 1, border);
    rule.give_back(&mut state, 1, border, border);
    let read = rule.restore(rule.record(&state, border));
    assert_eq!(read, state);
    let earlier = border.plus_milliseconds(-1);
    let reset_ms = rule.peek(&read, 0, earlier).reset_ms;
    assert_eq!(reset_ms, Some(60_001));
}

/// A million keys with four limits each take 128 MB.
#[test]
fn a_state_is_small() {
    assert!(size_of::<State>() <= 32);
}
