//! Plans, and counters that are shared by all nodes.

use keywright_core::change::{Change, Edit};
use keywright_core::limit::{Period, Retry, Rule};
use keywright_core::plan::Plan;
use keywright_core::time::DAY_MS;
use keywright_store::{ParkedCounter, StoreError, UnitsWish};

use crate::fixture::{Fixture, NOW, contract};
use crate::keys::join_all;
use crate::samples::{Samples, create_tenant};

contract!(
    plans_change_only_from_what_they_were,
    a_plan_that_keys_have_stays,
    many_who_wish_at_once_get_the_limit_and_no_more,
    what_was_not_used_comes_back,
    a_new_window_grants_anew_and_a_reset_forgets,
    what_was_parked_is_taken_once,
);

const PER_DAY: Rule = Rule::FixedWindow {
    period: Period::Day,
    limit: 1_000,
};

fn wish(needed: u64) -> UnitsWish<'static> {
    UnitsWish {
        subject: "key-1",
        name: "per_day",
        rule: PER_DAY,
        needed,
        nodes: 1,
        exact: false,
        unused: None,
    }
}

fn plan(name: &str, limits: &str) -> Plan {
    Plan {
        name: name.parse().unwrap(),
        description: "for \u{e9}very day".into(),
        limits: limits.parse().unwrap(),
    }
}

async fn plans_change_only_from_what_they_were(fixture: &Fixture) {
    let mut samples = Samples::new(120);
    let tenant = samples.tenant("acme");
    let (free, pro) = (
        plan("free", "per_day=10"),
        plan("pro", "per_second=5 burst=9/60"),
    );
    let change = |edit| [Change::Plan(tenant.id, edit)];
    fixture.change(&[create_tenant(&tenant)]).await;
    fixture.change(&change(Edit::create(pro.clone()))).await;
    fixture.change(&change(Edit::create(free.clone()))).await;
    let plans = fixture.store.plans(tenant.id).await.unwrap();
    assert_eq!(plans, [free.clone(), pro.clone()]);
    let facts = fixture
        .store
        .tenant_facts(tenant.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(facts.plans, plans);
    let more = plan("free", "per_day=20");
    fixture
        .change(&change(Edit::update(free.clone(), more.clone())))
        .await;
    let twice = fixture
        .try_change(&change(Edit::update(free, more.clone())))
        .await;
    assert!(matches!(twice, Err(StoreError::Conflict)));
    let taken = fixture
        .try_change(&change(Edit::create(more.clone())))
        .await;
    assert!(matches!(taken, Err(StoreError::Duplicate { .. })));
    fixture.change(&change(Edit::delete(more))).await;
    assert_eq!(fixture.store.plans(tenant.id).await.unwrap(), [pro]);
}

async fn a_plan_that_keys_have_stays(fixture: &Fixture) {
    let mut samples = Samples::new(121);
    let tenant = samples.tenant("acme");
    let free = plan("free", "per_day=10");
    let plan_change = |edit| Change::Plan(tenant.id, edit);
    fixture
        .change(&[
            create_tenant(&tenant),
            plan_change(Edit::create(free.clone())),
        ])
        .await;
    let mut key = samples.key(tenant.id);
    key.attributes.plan = Some(free.name.clone());
    let creation = samples.creation(key.clone());
    fixture.change(&[creation]).await;
    let found = fixture.store.key(tenant.id, key.id).await.unwrap().unwrap();
    assert_eq!(found.key.attributes.plan, Some(free.name.clone()));
    assert_eq!(
        fixture
            .store
            .count_keys_of_plan(tenant.id, "free")
            .await
            .unwrap(),
        1
    );
    let deletion = [plan_change(Edit::delete(free))];
    let refused = fixture.try_change(&deletion).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    let mut unknown = samples.key(tenant.id);
    unknown.attributes.plan = Some("gone".parse().unwrap());
    let creation = samples.creation(unknown);
    let refused = fixture.try_change(&[creation]).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    let mut without = found.key.attributes.clone();
    without.plan = None;
    let update = found.key.update(without, None).unwrap();
    let update = Change::Key {
        change: update,
        credentials: None,
    };
    fixture.change(&[update]).await;
    fixture.change(&deletion).await;
}

async fn many_who_wish_at_once_get_the_limit_and_no_more(fixture: &Fixture) {
    for (exact, needed) in [(false, 1), (true, 3)] {
        let subject = format!("key-{exact}");
        let rounds = (0..16).map(|_| {
            let (store, subject) = (fixture.store.clone(), subject.clone());
            async move {
                let mut granted = 0;
                loop {
                    let wish = UnitsWish {
                        subject: &subject,
                        exact,
                        ..wish(needed)
                    };
                    let grants = store.lease_units(&[wish], NOW).await.unwrap();
                    let grant = grants[0];
                    assert!(grant.units == 0 || grant.units >= needed);
                    if grant.units == 0 {
                        assert!(grant.standing.remaining < needed);
                        return granted;
                    }
                    granted += grant.units;
                }
            }
        });
        let total: u64 = join_all(rounds.collect()).await.into_iter().sum();
        // With units of three, the thousandth is left over.
        assert_eq!(total, 1_000 - 1_000 % needed);
    }
}

async fn what_was_not_used_comes_back(fixture: &Fixture) {
    let all = fixture
        .store
        .lease_units(&[wish(1_000)], NOW)
        .await
        .unwrap();
    assert_eq!((all[0].units, all[0].standing.remaining), (1_000, 0));
    let none = fixture.store.lease_units(&[wish(1)], NOW).await.unwrap();
    assert_eq!(none[0].units, 0);
    assert!(matches!(none[0].standing.refusal, Some(Retry::AfterMs(_))));
    let back = UnitsWish {
        unused: Some((400, NOW)),
        exact: true,
        ..wish(1)
    };
    let some = fixture.store.lease_units(&[back], NOW).await.unwrap();
    assert_eq!((some[0].units, some[0].standing.remaining), (1, 399));
}

async fn a_new_window_grants_anew_and_a_reset_forgets(fixture: &Fixture) {
    let once = Rule::Credits(keywright_core::limit::Credits {
        amount: 5,
        refill: None,
    });
    let spent = [
        wish(1_000),
        UnitsWish {
            name: "credits",
            rule: once,
            ..wish(5)
        },
    ];
    let taken = fixture.store.lease_units(&spent, NOW).await.unwrap();
    assert_eq!([taken[0].units, taken[1].units], [1_000, 5]);
    let later = NOW.plus_milliseconds(DAY_MS);
    let again = fixture.store.lease_units(&spent, later).await.unwrap();
    assert_eq!([again[0].units, again[1].units], [1_000, 0]);
    // What was spent for ever is remembered for ever; a day is not.
    fixture.store.sweep(later.plus_days(365)).await.unwrap();
    let again = fixture.store.lease_units(&spent, later).await.unwrap();
    assert_eq!([again[0].units, again[1].units], [1_000, 0]);
    assert_eq!(fixture.store.reset_counters("key-1").await.unwrap(), 2);
    let anew = fixture.store.lease_units(&spent, later).await.unwrap();
    assert_eq!([anew[0].units, anew[1].units], [1_000, 5]);
}

async fn what_was_parked_is_taken_once(fixture: &Fixture) {
    let store = &fixture.store;
    assert_eq!(store.unpark_counters().await.unwrap(), None);
    let mut state = PER_DAY.state();
    PER_DAY.take(&mut state, 7, NOW);
    let mut parked: Vec<ParkedCounter> = ["a", "b"]
        .map(|subject| ParkedCounter {
            subject: subject.into(),
            name: "per_minute".into(),
            state: state.clone(),
        })
        .into();
    store.park_counters(&parked).await.unwrap();
    store.park_counters(&parked).await.unwrap();
    let mut found = store.unpark_counters().await.unwrap().unwrap();
    found.sort_by(|a, b| a.subject.cmp(&b.subject));
    assert_eq!(found, parked);
    assert_eq!(store.unpark_counters().await.unwrap(), None);
    parked.clear();
    store.park_counters(&parked).await.unwrap();
    assert_eq!(store.unpark_counters().await.unwrap(), Some(parked));
}
