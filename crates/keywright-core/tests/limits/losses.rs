//! A counter that lost its memory counts as spent.

use keywright_core::limit::{Period, Rule};
use proptest::prelude::*;

use crate::calendar::at;
use crate::model::any_story;

proptest! {
    #[test]
    fn after_a_loss_nothing_is_granted_that_was_granted_before(
        (rule, start, steps) in any_story(), lost in 0..60_usize,
    ) {
        let (mut truth, mut now) = (rule.state(), start);
        let mut after = None;
        for (index, (step, cost)) in steps.into_iter().enumerate() {
            now += step.max(0);
            if index == lost {
                after = Some(rule.after_loss(at(now)));
            }
            match &mut after {
                None => {
                    if rule.refusal(&truth, cost, at(now)).is_none() {
                        rule.take(&mut truth, cost, at(now));
                    }
                }
                Some(after) => {
                    let truly = rule.peek(&truth, 0, at(now)).remaining;
                    prop_assert!(rule.peek(after, 0, at(now)).remaining <= truly);
                    if rule.refusal(after, cost, at(now)).is_none() {
                        rule.take(&mut truth, cost, at(now));
                        rule.take(after, cost, at(now));
                    }
                }
            }
        }
    }

    #[test]
    fn at_the_loss_itself_nothing_is_granted((rule, start, _) in any_story(), before in 0..10_000_i64) {
        let state = rule.after_loss(at(start));
        prop_assert_eq!(rule.peek(&state, 0, at(start)).remaining, 0);
        prop_assert_eq!(rule.peek(&state, 0, at(start - before)).remaining, 0);
    }

    #[test]
    fn nothing_given_back_opens_a_lost_window((rule, start, _) in any_story(), cost in 0..100_u64) {
        let mut state = rule.after_loss(at(start + 1));
        let window = matches!(rule, Rule::FixedWindow { .. } | Rule::SlidingWindow { .. });
        rule.give_back(&mut state, cost, at(start), at(start + 1));
        let closed = rule.after_loss(at(start + 1));
        prop_assert!(!window || state == closed);
    }
}

#[test]
fn the_window_after_the_loss_is_whole() {
    let (period, limit) = (Period::Minute, 10);
    for (epoch, now, remaining) in [
        (1_700_000_030_000, 1_700_000_030_000, 0),
        (1_700_000_030_000, 1_700_000_039_999, 0),
        (1_700_000_030_000, 1_700_000_040_000, 10),
        (1_700_000_040_000, 1_700_000_040_000, 0),
        (1_700_000_040_000, 1_700_000_100_000, 10),
    ] {
        let rule = Rule::FixedWindow { period, limit };
        let state = rule.after_loss(at(epoch));
        assert_eq!(rule.peek(&state, 0, at(now)).remaining, remaining);
    }
}
