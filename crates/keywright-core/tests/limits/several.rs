//! Several rules at once: all or nothing, and what is given back.

use keywright_core::limit::{Refused, Retry, Rule, State, take_all};
use proptest::prelude::*;

use crate::calendar::at;
use crate::model::{Model, any_rule, any_step, any_story, story_of};

/// Rules, a first moment, and steps with a cost for each rule.
type Story = (Vec<Rule>, i64, Vec<(i64, Vec<u64>)>);

fn several() -> impl Strategy<Value = Story> {
    prop::collection::vec(any_rule(), 1..6).prop_flat_map(|rules| {
        let step = prop::sample::select(rules.clone()).prop_flat_map(any_step);
        let costs = prop::collection::vec(0..=6_u64, rules.len());
        let steps = prop::collection::vec((step, costs), 1..60);
        (Just(rules), 31_536_000_000..6_300_000_000_000_i64, steps)
    })
}

proptest! {
    #[test]
    fn a_refused_request_changes_nothing_and_a_granted_one_all((rules, start, steps) in several()) {
        let mut models: Vec<Model> = rules.iter().copied().map(Model::new).collect();
        let mut states = vec![State::default(); rules.len()];
        let mut now = start;
        for (step, costs) in steps {
            now = (now + step).max(0);
            let before = states.clone();
            let priced: Vec<(Rule, u64)> = rules.iter().copied().zip(costs.iter().copied()).collect();
            let fits = models.iter().zip(&costs).all(|(model, cost)| model.fits(*cost, now));
            let taken = take_all(&priced, &mut states, at(now));
            prop_assert_eq!(taken.is_ok(), fits);
            match taken {
                Ok(()) => {
                    for (model, cost) in models.iter_mut().zip(&costs) {
                        model.take(*cost, now);
                    }
                }
                Err(Refused { index, retry }) => {
                    prop_assert_eq!(&states, &before);
                    let waits = priced.iter().zip(&before);
                    let longest = waits.filter_map(|((rule, cost), state)| rule.refusal(state, *cost, at(now))).max();
                    prop_assert_eq!(Some(retry), longest);
                    let (rule, cost) = priced[index];
                    prop_assert_eq!(rule.refusal(&before[index], cost, at(now)), Some(retry));
                }
            }
        }
    }

    /// Without a state there is nothing to count with.
    #[test]
    fn a_rule_without_a_state_refuses((rules, start, steps) in several()) {
        let costs = &steps[0].1;
        let priced: Vec<(Rule, u64)> = rules.iter().copied().zip(costs.iter().copied()).collect();
        let mut states = vec![State::default(); rules.len() - 1];
        let before = states.clone();
        let refused = take_all(&priced, &mut states, at(start));
        prop_assert_eq!(refused.map_err(|refused| refused.retry), Err(Retry::Never));
        prop_assert_eq!(states, before);
    }

    #[test]
    fn what_is_given_back_at_once_was_never_taken((rule, start, steps) in any_story(), cost in 1..40_u64) {
        let (mut state, mut now) = (rule.state(), start);
        for (step, cost) in &steps {
            now += step.max(&0);
            rule.take(&mut state, *cost, at(now));
        }
        let mut given = state.clone();
        rule.take(&mut given, cost, at(now));
        rule.give_back(&mut given, cost, at(now), at(now));
        for (step, _) in steps {
            now += step.max(0);
            prop_assert_eq!(rule.peek(&given, 1, at(now)), rule.peek(&state, 1, at(now)));
        }
    }

    /// The clock steps back only for what is given: what one state has seen and the other not would make them differ.
    #[test]
    fn what_is_given_back_late_is_never_more_than_was_taken(
        (rule, start, steps) in any_story(), cost in 1..40_u64,
        (taken, given, back) in (0..60_usize, 0..60_usize, 0..10_000_000_i64),
    ) {
        let (mut with, mut without) = (rule.state(), rule.state());
        let (mut now, mut taken_at) = (start, None);
        for (index, (step, other)) in steps.into_iter().enumerate() {
            now += step.max(0);
            rule.take(&mut with, other, at(now));
            rule.take(&mut without, other, at(now));
            if index == taken {
                rule.take(&mut with, cost, at(now));
                taken_at = Some(now);
            }
            if index >= given && let Some(taken_at) = taken_at.take() {
                rule.give_back(&mut with, cost, at(taken_at), at(now - back));
            }
            let left = |state: &State| rule.peek(state, 0, at(now)).remaining;
            prop_assert!(left(&with) <= left(&without));
        }
    }

    #[test]
    fn within_a_window_everything_comes_back(
        (rule, start, steps) in crate::model::any_period().prop_flat_map(|period| {
            story_of(Rule::FixedWindow { period, limit: 30 })
        }),
    ) {
        let Rule::FixedWindow { period, .. } = rule else { return Ok(()) };
        let (mut state, window) = (rule.state(), period.start(at(start)));
        let last = period.end(at(start)).milliseconds() - 1;
        let mut now = start;
        for (step, cost) in &steps {
            now = (now + step.max(&0)).min(last);
            rule.take(&mut state, *cost, at(now));
        }
        for (_, cost) in steps {
            rule.give_back(&mut state, cost, at(now), at(now));
        }
        prop_assert_eq!(rule.peek(&state, 0, window).remaining, 30);
    }
}
