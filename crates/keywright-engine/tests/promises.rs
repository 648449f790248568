//! What the engine promises, on a real database: nothing is accepted that was taken back before.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking"
)]

mod limits;
mod signing;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use keywright_core::change::{Change, Credentials, Edit};
use keywright_core::denial::Denial;
use keywright_core::key::Key;
use keywright_core::permission::Expression;
use keywright_core::role::Role;
use keywright_core::token::digest::{Pepper, PepperId, PepperRing};
use keywright_engine::clock::{ManualMonotonic, Monotonic};
use keywright_engine::lease::{Consistency, LEASE, Lease, Standing};
use keywright_engine::{Check, Engine, EngineError};
use keywright_store::Rehash;
use support::{House, NOW, PEPPER};

/// Checks of the concurrent tests together: the bar of the foundation's promise.
const CHECKS: u64 = 100_000;

fn revoke(key: &Key) -> Key {
    *key.revoke(None, NOW).unwrap().after.unwrap()
}

fn disable(key: &Key) -> Key {
    *key.disable(NOW).unwrap().after.unwrap()
}

/// What is taken from a key, and how the engine must answer from then on.
#[derive(Clone, Copy, Debug)]
enum Taken {
    All,
    Delete,
    Switch,
    Scope,
    Address,
}

const TAKEN: [Taken; 5] = [
    Taken::All,
    Taken::Delete,
    Taken::Switch,
    Taken::Scope,
    Taken::Address,
];

async fn take(house: &House, key: &Key, taken: Taken) {
    let change = match taken {
        Taken::All => key.revoke(None, NOW).unwrap(),
        Taken::Delete => key.delete(None, false, NOW).unwrap(),
        Taken::Switch => key.disable(NOW).unwrap(),
        Taken::Scope => {
            let mut attributes = key.attributes.clone();
            attributes.scopes.clear();
            key.update(attributes, None).unwrap()
        }
        Taken::Address => {
            let mut attributes = key.attributes.clone();
            attributes.addresses.allow = [support::cidr("198.51.100.0/24")].into();
            key.update(attributes, None).unwrap()
        }
    };
    house
        .change(&[Change::Key {
            change,
            credentials: None,
        }])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_check_that_starts_after_a_change_was_answered_accepts_the_key() {
    let house = Arc::new(House::new().await);
    let wanted: Expression = "api:read".parse().unwrap();
    let done = Arc::new(AtomicU64::new(0));
    for taken in TAKEN.into_iter().cycle() {
        if done.load(Ordering::Relaxed) >= CHECKS {
            break;
        }
        let (key, text) = house.key(&["api:read"]).await;
        let answered = Arc::new(AtomicBool::new(false));
        let checkers: Vec<_> = (0..4)
            .map(|_| {
                let (house, answered, done) = (house.clone(), answered.clone(), done.clone());
                let (text, wanted) = (text.clone(), wanted.clone());
                tokio::spawn(async move {
                    let mut after = 0;
                    while after < 200 {
                        // The order matters: first whether it was answered, then the check.
                        let was_answered = answered.load(Ordering::SeqCst);
                        let check = Check {
                            key: &text,
                            permissions: Some(&wanted),
                            address: Some([203, 0, 113, 7].into()),
                            ..Check::default()
                        };
                        let checked = house.engine.verify(&check, NOW, &mut ()).await.unwrap();
                        done.fetch_add(1, Ordering::Relaxed);
                        assert!(!(was_answered && checked.verdict.allowed()), "{taken:?}");
                        after += u64::from(was_answered);
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        take(&house, &key, taken).await;
        answered.store(true, Ordering::SeqCst);
        for checker in checkers {
            checker.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_key_that_was_asked_for_too_early_works_once_it_exists() {
    let house = House::new().await;
    let (key, text, credentials) = house.draft(&["api:read"]);
    assert_eq!(house.denial(&text).await, Some(Denial::InvalidKey));
    assert_eq!(
        house.denial(&text).await,
        Some(Denial::InvalidKey),
        "from memory"
    );
    let change = Change::Key {
        change: key.create(),
        credentials: Some(credentials),
    };
    house.change(&[change]).await;
    assert_eq!(house.denial(&text).await, None);
}

#[tokio::test]
async fn changing_a_role_acts_on_every_key_that_has_it() {
    let house = House::new().await;
    let (_, text) = house.key_with_role("read-only").await;
    let wanted: Expression = "api:read".parse().unwrap();
    assert_eq!(house.denial_for(&text, &wanted).await, None);
    let before = Role::common()
        .into_iter()
        .find(|role| role.name.as_str() == "read-only")
        .unwrap();
    let after = Role {
        grants: vec!["billing:manage".parse().unwrap()],
        ..before.clone()
    };
    house
        .change(&[Change::Role(house.tenant.id, Edit::update(before, after))])
        .await;
    assert_eq!(
        house.denial_for(&text, &wanted).await,
        Some(Denial::InsufficientScope)
    );
}

#[tokio::test]
async fn a_suspended_tenant_stops_all_its_keys_and_resuming_revives_them() {
    let house = House::new().await;
    let (_, text) = house.key(&[]).await;
    assert_eq!(house.denial(&text).await, None);
    let mut suspended = house.tenant.clone();
    suspended.suspended_at = Some(NOW);
    suspended.version += 1;
    house
        .change(&[Change::Tenant(Edit::update(
            house.tenant.clone(),
            suspended.clone(),
        ))])
        .await;
    assert_eq!(house.denial(&text).await, Some(Denial::Disabled));
    let mut resumed = suspended.clone();
    resumed.suspended_at = None;
    resumed.version += 1;
    house
        .change(&[Change::Tenant(Edit::update(suspended, resumed))])
        .await;
    assert_eq!(house.denial(&text).await, None);
}

#[tokio::test]
async fn another_tenants_key_is_an_unknown_key() {
    let house = House::new().await;
    let (_, text) = house.key(&[]).await;
    let own = [house.tenant.id];
    let mut check = Check {
        key: &text,
        tenants: Some(&own),
        ..Check::default()
    };
    assert!(
        house
            .engine
            .verify(&check, NOW, &mut ())
            .await
            .unwrap()
            .verdict
            .allowed()
    );
    check.tenants = Some(&[]);
    let foreign = house.engine.verify(&check, NOW, &mut ()).await.unwrap();
    assert_eq!(foreign.verdict.denial, Some(Denial::InvalidKey));
    assert!(foreign.key.is_none(), "nothing is told of it");
}

#[tokio::test]
async fn keys_move_to_a_new_pepper_as_they_are_used() {
    let house = House::new().await;
    let (_, text) = house.key(&[]).await;
    let current = Pepper::new(PepperId(2), &[8; 32]);
    let former = Pepper::new(PepperId(1), &PEPPER);
    house
        .engine
        .set_peppers(PepperRing::new(current, Some(former)).unwrap());
    assert_eq!(
        house.denial(&text).await,
        None,
        "found by the former pepper"
    );
    house.engine.flush(NOW).await.unwrap();
    assert_eq!(
        house.store.count_by_pepper().await.unwrap(),
        vec![(PepperId(2), 1)]
    );
    house
        .engine
        .set_peppers(PepperRing::new(Pepper::new(PepperId(2), &[8; 32]), None).unwrap());
    house.engine.follow().await.unwrap();
    assert_eq!(
        house.denial(&text).await,
        None,
        "found by the new one alone"
    );
}

#[tokio::test]
async fn a_key_that_moves_to_the_new_pepper_under_a_check_is_never_refused() {
    let house = House::new().await;
    let (key, text) = house.key(&[]).await;
    let ring = || {
        let former = Pepper::new(PepperId(1), &PEPPER);
        PepperRing::new(Pepper::new(PepperId(2), &[8; 32]), Some(former)).unwrap()
    };
    let engine = Engine::new(house.store.clone(), ring(), 1, NOW)
        .await
        .unwrap();
    let denial = async |key: &str| {
        let check = Check {
            key,
            ..Check::default()
        };
        let checked = engine.verify(&check, NOW, &mut ()).await.unwrap();
        checked.verdict.denial
    };
    let others: Vec<_> = (0..300).map(|_| house.draft(&[])).collect();
    let create = |(key, _, credentials): &(Key, String, Credentials)| Change::Key {
        change: key.clone().create(),
        credentials: Some(*credentials),
    };
    house
        .change(&others.iter().map(create).collect::<Vec<_>>())
        .await;
    let crowd = async || {
        for (_, other, _) in others.iter().flat_map(|other| [other; 3]) {
            assert_eq!(denial(other).await, None);
        }
    };
    // Others first: what comes first into a cache of one stays.
    crowd().await;
    assert_eq!(denial(&text).await, None);
    let moved = Rehash {
        tenant: house.tenant.id,
        key: key.id,
        former: Pepper::new(PepperId(1), &PEPPER).digest(&text),
        pepper: PepperId(2),
        lookup: Pepper::new(PepperId(2), &[8; 32]).digest(&text),
        secret: None,
    };
    assert_eq!(house.store.rehash(&[moved], NOW).await.unwrap(), 1);
    // Others push it out of the cache, and the feed has not brought its move yet.
    crowd().await;
    assert_eq!(denial(&text).await, None, "before the feed is followed");
    engine.follow().await.unwrap();
    assert_eq!(denial(&text).await, None, "and after");
}

#[tokio::test]
async fn a_use_is_remembered_and_a_dry_run_or_a_refusal_is_not() {
    let house = House::new().await;
    let (key, text) = house.key(&[]).await;
    let check = Check {
        key: &text,
        address: Some([192, 0, 2, 1].into()),
        ..Check::default()
    };
    let dry = Check {
        dry_run: true,
        ..check
    };
    let needs: Expression = "billing:manage".parse().unwrap();
    let refused = Check {
        permissions: Some(&needs),
        ..check
    };
    for unnoted in [dry, refused] {
        house.engine.verify(&unnoted, NOW, &mut ()).await.unwrap();
        house.engine.flush(NOW).await.unwrap();
        let record = house
            .store
            .key(house.tenant.id, key.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(record.last_used_at, None);
    }
    house.engine.verify(&check, NOW, &mut ()).await.unwrap();
    house.engine.flush(NOW).await.unwrap();
    let record = house
        .store
        .key(house.tenant.id, key.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (record.last_used_at, record.last_address),
        (Some(NOW), check.address)
    );
}

#[tokio::test]
async fn revoked_and_disabled_keys_say_so_only_to_their_holder() {
    let house = House::new().await;
    let (key, text) = house.key(&[]).await;
    let disabled = disable(&key);
    house.change(&[house.update(&key, &disabled)]).await;
    assert_eq!(house.denial(&text).await, Some(Denial::Disabled));
    let revoked = revoke(&disabled);
    house.change(&[house.update(&disabled, &revoked)]).await;
    assert_eq!(house.denial(&text).await, Some(Denial::Revoked));
    let mut other = text.clone();
    let last = other.pop().expect("a key has characters");
    other.push(if last == 'a' { 'b' } else { 'a' });
    assert_eq!(house.denial(&other).await, Some(Denial::InvalidKey));
}

#[tokio::test]
async fn guesses_of_everybody_together_stop_no_key_that_is_cached_and_no_other_for_long() {
    let house = House::new().await;
    let (_, used) = house.key(&[]).await;
    let (_, fresh) = house.key(&[]).await;
    assert_eq!(house.denial(&used).await, None);
    let verify = async |text: &str, now| {
        let check = Check {
            key: text,
            ..Check::default()
        };
        house.engine.verify(&check, now, &mut ()).await
    };
    let mut first = None;
    let mut looked_up = 0;
    let refused = loop {
        let (_, guess, _) = house.draft(&[]);
        match verify(&guess, NOW).await {
            Ok(checked) => assert_eq!(checked.verdict.denial, Some(Denial::InvalidKey)),
            Err(error) => break error,
        }
        looked_up += 1;
        first.get_or_insert(guess);
    };
    assert_eq!(looked_up, 6_000, "a minute's guesses");
    let too_many =
        |error: &EngineError| matches!(error, EngineError::TooManyGuesses { seconds: 1 });
    assert!(too_many(&refused), "{refused}");
    assert_eq!(house.denial(&used).await, None, "what is cached passes");
    let known = verify(&first.unwrap(), NOW).await.unwrap();
    assert_eq!(
        known.verdict.denial,
        Some(Denial::InvalidKey),
        "known to be absent"
    );
    assert!(too_many(&verify(&fresh, NOW).await.unwrap_err()));
    let later = NOW.plus_milliseconds(10);
    assert_eq!(verify(&fresh, later).await.unwrap().verdict.denial, None);
}

#[tokio::test]
async fn a_node_that_lost_its_lease_accepts_nothing_and_still_refuses() {
    let mut house = House::new().await;
    let clock = Arc::new(ManualMonotonic::new(Duration::from_secs(1)));
    let lease = Lease::none_yet(Consistency::Strict, clock.clone());
    house.engine = house.engine.under(lease);
    let (key, good) = house.key(&[]).await;
    let (other, bad) = house.key(&[]).await;
    house.change(&[house.update(&other, &revoke(&other))]).await;
    let check = Check {
        key: &good,
        ..Check::default()
    };
    for (held, used_at) in [(false, None), (true, Some(NOW)), (false, Some(NOW))] {
        if held {
            house.engine.lease().extend(clock.now());
        } else {
            clock.set(clock.now() + LEASE);
        }
        match house.engine.verify(&check, NOW, &mut ()).await {
            Ok(checked) => assert!(held && checked.verdict.allowed()),
            Err(error) => assert!(!held && matches!(error, EngineError::LeaseLost)),
        }
        assert_eq!(house.denial(&bad).await, Some(Denial::Revoked));
        // What was not let through was not used.
        house.engine.flush(NOW).await.unwrap();
        let record = house.store.key(house.tenant.id, key.id).await.unwrap();
        assert_eq!(record.unwrap().last_used_at, used_at);
    }
}

#[tokio::test]
async fn a_bounded_node_says_with_each_answer_that_it_is_stale() {
    let mut house = House::new().await;
    let clock = Arc::new(ManualMonotonic::new(Duration::from_secs(1)));
    let bound = Consistency::Bounded(Duration::from_secs(10));
    house.engine = house.engine.under(Lease::none_yet(bound, clock.clone()));
    let (_, text) = house.key(&[]).await;
    let check = Check {
        key: &text,
        ..Check::default()
    };
    house.engine.lease().extend(clock.now());
    let checked = house.engine.verify(&check, NOW, &mut ()).await.unwrap();
    assert_eq!(checked.standing, Standing::Held);
    clock.set(clock.now() + LEASE);
    let checked = house.engine.verify(&check, NOW, &mut ()).await.unwrap();
    assert!(checked.verdict.allowed());
    assert_eq!(
        checked.standing,
        Standing::Stale(Duration::from_millis(500))
    );
    clock.set(clock.now() + LEASE);
    let lost = house.engine.verify(&check, NOW, &mut ()).await;
    assert!(matches!(lost, Err(EngineError::LeaseLost)));
}
