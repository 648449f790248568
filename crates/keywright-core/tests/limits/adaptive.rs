//! Adaptive limits stay between their floor and the whole, and move the way the reports say.

use keywright_core::limit::{Adaptive, Report, Rule, WHOLE_PERMILLE, scale};
use proptest::prelude::*;

use crate::model::any_rule;

fn adaptive(floor_percent: u8) -> Adaptive {
    Adaptive {
        floor_percent,
        target_latency_ms: 200,
        max_error_percent: 5,
    }
}

const HEALTHY: Report = Report {
    latency_ms: 200,
    errors: 5,
    total: 100,
};

proptest! {
    #[test]
    fn the_share_stays_between_the_floor_and_the_whole(
        floor in 1..=100_u8,
        reports in prop::collection::vec((0..400_u32, any::<u64>(), any::<u64>()), 1..50),
    ) {
        let (adaptive, mut share) = (adaptive(floor), WHOLE_PERMILLE);
        for (latency_ms, errors, total) in reports {
            let report = Report { latency_ms, errors, total };
            let next = adaptive.step(share, &report);
            prop_assert!((u32::from(floor) * 10..=WHOLE_PERMILLE).contains(&next));
            let many = u128::from(errors) * 100 > u128::from(total) * 5;
            let suffers = total > 0 && (latency_ms > 200 || many);
            prop_assert!(next == share || suffers == (next < share));
            share = next;
        }
    }

    #[test]
    fn a_scaled_limit_is_never_above_the_limit_and_never_none(limit in 1..=u64::MAX, permille in 0..2_000_u32) {
        let scaled = scale(limit, permille);
        prop_assert!((1..=limit).contains(&scaled));
        prop_assert!(permille < WHOLE_PERMILLE || scaled == limit);
    }

    #[test]
    fn whatever_happened_a_healed_service_gets_its_whole_limit_back(start in 0..=1_000_u32) {
        let share = (0..20).fold(start, |share, _| adaptive(1).step(share, &HEALTHY));
        prop_assert_eq!(share, WHOLE_PERMILLE);
    }
}

#[test]
fn the_bounds_themselves_are_healthy() {
    assert_eq!(adaptive(10).step(500, &HEALTHY), 550);
    for report in [
        Report {
            latency_ms: 201,
            ..HEALTHY
        },
        Report {
            errors: 6,
            ..HEALTHY
        },
    ] {
        assert_eq!(adaptive(10).step(500, &report), 350);
        assert_eq!(adaptive(40).step(500, &report), 400);
    }
    // Nothing happened: a latency of nothing says nothing.
    let idle = Report {
        latency_ms: 201,
        errors: 0,
        total: 0,
    };
    assert_eq!(adaptive(10).step(500, &idle), 550);
    assert_eq!(scale(1000, 333), 333);
    assert_eq!(scale(3, 333), 1);
}

proptest! {
    #[test]
    fn a_scaled_rule_has_a_scaled_limit_and_a_balance_stays(rule in any_rule(), permille in 0..=1_000_u32) {
        let scaled = rule.scaled(permille);
        let is_balance = matches!(rule, Rule::Credits(_));
        let expected = if is_balance { rule.limit() } else { scale(rule.limit(), permille) };
        prop_assert_eq!(scaled.limit(), expected);
        prop_assert_eq!(rule.scaled(WHOLE_PERMILLE), rule);
    }
}
