//! Leases: who must have heard of a change before it is answered.

use std::time::Duration;

use keywright_store::{Laggard, Renewal};

use crate::fixture::{Fixture, contract};

contract!(
    nobody_waits_for_who_has_applied_the_change_or_left,
    a_node_out_of_touch_is_told_from_a_live_one_until_it_is_fenced,
    a_late_renewal_revives_the_lease,
    what_is_told_between_renewals_counts_and_changes_no_lease,
    only_the_long_dead_are_purged,
);

/// Long enough that no test outlives it.
const LONG: Duration = Duration::from_secs(3_600);

fn renewal(
    node: &'static str,
    applied: u64,
    lease: Duration,
    serves: Duration,
) -> Renewal<'static> {
    let name = match node {
        "1" => "one",
        _ => "two",
    };
    Renewal {
        node,
        name,
        applied,
        lease,
        serves,
    }
}

fn laggard(name: &str, applied: u64, live: bool) -> Laggard {
    Laggard {
        name: name.to_owned(),
        applied,
        live,
    }
}

async fn nobody_waits_for_who_has_applied_the_change_or_left(fixture: &Fixture) {
    let store = &fixture.store;
    assert_eq!(store.is_shared(), !fixture.is_sqlite());
    for (node, applied) in [("1", 6), ("2", 7)] {
        let renewal = renewal(node, applied, LONG, LONG);
        store.renew_lease(&renewal).await.unwrap();
    }
    let lagging = |position, asking| async move { store.laggards(position, asking).await.unwrap() };
    assert_eq!(lagging(6, "").await, []);
    assert_eq!(lagging(7, "").await, [laggard("one", 6, true)]);
    assert_eq!(lagging(7, "1").await, []);
    assert_eq!(
        lagging(8, "").await,
        [laggard("one", 6, true), laggard("two", 7, true)]
    );
    store
        .renew_lease(&renewal("1", 8, LONG, LONG))
        .await
        .unwrap();
    assert_eq!(lagging(8, "").await, [laggard("two", 7, true)]);
    store.remove_node("2").await.unwrap();
    assert_eq!(lagging(8, "").await, []);
    store.remove_node("nobody").await.unwrap();
}

async fn a_node_out_of_touch_is_told_from_a_live_one_until_it_is_fenced(fixture: &Fixture) {
    let store = &fixture.store;
    let over = Duration::ZERO;
    store
        .renew_lease(&renewal("1", 1, over, LONG))
        .await
        .unwrap();
    assert_eq!(
        store.laggards(2, "").await.unwrap(),
        [laggard("one", 1, false)]
    );
    // It serves at least as long as its lease runs.
    store
        .renew_lease(&renewal("1", 1, LONG, over))
        .await
        .unwrap();
    assert_eq!(
        store.laggards(2, "").await.unwrap(),
        [laggard("one", 1, true)]
    );
    store
        .renew_lease(&renewal("1", 1, over, over))
        .await
        .unwrap();
    assert_eq!(store.laggards(2, "").await.unwrap(), []);
}

async fn a_late_renewal_revives_the_lease(fixture: &Fixture) {
    let store = &fixture.store;
    let over = renewal("1", 1, Duration::ZERO, Duration::ZERO);
    store.renew_lease(&over).await.unwrap();
    store
        .renew_lease(&renewal("1", 1, LONG, LONG))
        .await
        .unwrap();
    assert_eq!(
        store.laggards(2, "").await.unwrap(),
        [laggard("one", 1, true)]
    );
}

async fn what_is_told_between_renewals_counts_and_changes_no_lease(fixture: &Fixture) {
    let store = &fixture.store;
    assert!(!store.tell_applied("1", 1).await.unwrap(), "no row yet");
    for lease in [LONG, Duration::ZERO] {
        store
            .renew_lease(&renewal("1", 1, lease, LONG))
            .await
            .unwrap();
        assert!(store.tell_applied("1", 2).await.unwrap());
        assert_eq!(store.laggards(2, "").await.unwrap(), []);
        let live = !lease.is_zero();
        let behind = Laggard {
            name: "one".to_owned(),
            applied: 2,
            live,
        };
        assert_eq!(store.laggards(3, "").await.unwrap(), [behind.clone()]);
        assert!(
            !store.tell_applied("1", 1).await.unwrap(),
            "positions never go back"
        );
        assert_eq!(store.laggards(3, "").await.unwrap(), [behind]);
    }
}

async fn only_the_long_dead_are_purged(fixture: &Fixture) {
    let store = &fixture.store;
    let over = renewal("1", 1, Duration::ZERO, Duration::ZERO);
    store.renew_lease(&over).await.unwrap();
    store
        .renew_lease(&renewal("2", 1, LONG, LONG))
        .await
        .unwrap();
    assert_eq!(store.purge_nodes().await.unwrap(), 0);
    let hour_and_a_bit = 60 * 60 * 1_000 + 1;
    let age = format!("UPDATE nodes SET fenced_at = fenced_at - {hour_and_a_bit}");
    fixture.raw(&age).await.unwrap();
    assert_eq!(store.purge_nodes().await.unwrap(), 1);
    assert_eq!(
        store.laggards(2, "").await.unwrap(),
        [],
        "the live one was fenced by the test"
    );
    fixture.raw(&age).await.unwrap();
    assert_eq!(store.purge_nodes().await.unwrap(), 1);
}
