//! Leases at their ends. Beside `lease.rs`, whose text the model includes without tests.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::ManualMonotonic;
use crate::lease::{AVAILABLE_MAX, Consistency, LEASE, Lease, Standing};

const START: u64 = 1_000_000;

fn lease(consistency: Consistency) -> (Lease, Arc<ManualMonotonic>) {
    let clock = Arc::new(ManualMonotonic::new(Duration::from_millis(START)));
    (Lease::none_yet(consistency, clock.clone()), clock)
}

fn at(clock: &ManualMonotonic, milliseconds: u64) {
    clock.set(Duration::from_millis(START + milliseconds));
}

#[test]
fn who_never_had_a_lease_is_lost_in_every_mode_and_who_is_alone_never() {
    for consistency in [
        Consistency::Strict,
        Consistency::Bounded(Duration::from_secs(300)),
        Consistency::Available,
    ] {
        let (lease, clock) = lease(consistency);
        assert_eq!(lease.standing(), Standing::Lost);
        lease.extend(lease.now());
        assert_eq!(lease.standing(), Standing::Held);
        lease.give_up();
        assert_eq!(lease.standing(), Standing::Lost);
        let alone = Lease::alone(clock.clone());
        at(&clock, u64::MAX / 4);
        assert_eq!(alone.standing(), Standing::Held);
    }
}

#[test]
fn a_strict_node_accepts_until_half_a_second_before_the_end_that_the_others_see() {
    let (lease, clock) = lease(Consistency::Strict);
    let asked_at = lease.now();
    // However long the answer took.
    at(&clock, 4_000);
    lease.extend(asked_at);
    for (moment, standing) in [
        (4_499, Standing::Held),
        (4_500, Standing::Lost),
        (4_501, Standing::Lost),
    ] {
        at(&clock, moment);
        assert_eq!(lease.standing(), standing, "{moment}");
    }
}

#[test]
fn a_bounded_node_says_how_stale_it_is_until_its_bound() {
    let (lease, clock) = lease(Consistency::Bounded(Duration::from_secs(300)));
    lease.extend(lease.now());
    let stale = |ms| Standing::Stale(Duration::from_millis(ms));
    for (moment, standing, seconds) in [
        (4_499, Standing::Held, 0),
        (4_500, stale(1), 1),
        (5_500, stale(1_000), 1),
        (5_501, stale(1_001), 2),
        (299_499, stale(294_999), 295),
        (299_500, Standing::Lost, 0),
    ] {
        at(&clock, moment);
        assert_eq!(lease.standing(), standing, "{moment}");
        assert_eq!(standing.stale_for_seconds(), seconds, "{moment}");
    }
}

#[test]
fn bounds_shorter_than_the_lease_are_strict_and_none_is_longer_than_a_day() {
    for (consistency, serves) in [
        (Consistency::Strict, LEASE),
        (Consistency::Bounded(Duration::ZERO), LEASE),
        (
            Consistency::Bounded(Duration::from_secs(6)),
            Duration::from_secs(6),
        ),
        (Consistency::Bounded(Duration::MAX), AVAILABLE_MAX),
        (Consistency::Available, AVAILABLE_MAX),
    ] {
        assert_eq!(consistency.serves(), serves);
    }
}

#[test]
fn a_check_that_began_under_a_lease_that_ended_is_not_saved_by_the_next_one() {
    let (lease, clock) = lease(Consistency::Strict);
    lease.extend(lease.now());
    let began = lease.begin();
    at(&clock, 10_000);
    lease.extend(lease.now());
    assert_eq!(lease.standing(), Standing::Held);
    assert_eq!(lease.standing_of(began), Standing::Lost);
}

#[test]
fn an_older_renewal_that_is_answered_late_takes_nothing_back() {
    let (lease, clock) = lease(Consistency::Strict);
    let (first, second) = (lease.now(), lease.now() + Duration::from_secs(2));
    lease.extend(second);
    lease.extend(first);
    at(&clock, 6_499);
    assert_eq!(lease.standing(), Standing::Held);
}
