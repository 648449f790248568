//! Keys: what is written comes back, and no change is lost or done twice.

use keywright_core::change::{Actor, Change, Credentials};
use keywright_core::key::Attributes;
use keywright_core::token::PepperId;
use keywright_store::{KeyFilter, KeySort, PageRequest, StoreError, Total};

use crate::fixture::{Fixture, NOW, change, contract};
use crate::samples::{Samples, create_tenant, create_user, of_key};

contract!(
    every_field_of_a_key_comes_back,
    a_change_decided_on_an_older_version_is_refused,
    of_racing_changes_exactly_one_wins,
    a_digest_is_taken_only_once,
    a_deleted_key_is_gone_with_its_usage,
    keys_of_another_tenant_are_not_there,
    what_is_not_committed_is_not_there,
    a_change_of_what_is_gone_is_a_conflict,
    a_bulk_is_whole_or_not_at_all,
);

async fn every_field_of_a_key_comes_back(fixture: &Fixture) {
    let mut samples = Samples::new(1);
    let (tenant, user) = (samples.tenant("acme"), samples.user("ada@example.com"));
    let key = samples.full_key(tenant.id, user.id);
    let credentials = Credentials {
        pepper: PepperId(u32::MAX),
        lookup: samples.digest(),
        secret: Some(samples.digest()),
    };
    let creation = Change::Key {
        change: key.clone().create(),
        credentials: Some(credentials),
    };
    fixture
        .change(&[create_tenant(&tenant), create_user(&user), creation])
        .await;

    let record = fixture.store.key(tenant.id, key.id).await.unwrap().unwrap();
    assert_eq!(record.key, key);
    assert_eq!(record.owner_email.as_deref(), Some("ada@example.com"));
    assert_eq!((record.last_used_at, record.last_address), (None, None));
    let found = fixture
        .store
        .key_for_verify(&credentials.lookup)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.key, found.credentials), (key.clone(), credentials));

    let bare = Attributes::default();
    let update = key.update(bare, None).unwrap();
    let updated = (*update.after.clone().unwrap()).clone();
    fixture.change(&[of_key(update)]).await;
    let disabled = updated.disable(NOW).unwrap();
    let after = (*disabled.after.clone().unwrap()).clone();
    fixture.change(&[of_key(disabled)]).await;
    let revoked = after.revoke(Some("leaked".into()), NOW).unwrap();
    let after = (*revoked.after.clone().unwrap()).clone();
    fixture.change(&[of_key(revoked)]).await;
    assert_eq!(
        fixture
            .store
            .key(tenant.id, key.id)
            .await
            .unwrap()
            .unwrap()
            .key,
        after
    );
}

async fn a_change_decided_on_an_older_version_is_refused(fixture: &Fixture) {
    let mut samples = Samples::new(2);
    let tenant = samples.tenant("acme");
    let key = samples.key(tenant.id);
    fixture
        .change(&[create_tenant(&tenant), samples.creation(key.clone())])
        .await;
    fixture.change(&[of_key(key.disable(NOW).unwrap())]).await;

    for late in [
        key.revoke(None, NOW).unwrap(),
        key.delete(None, true, NOW).unwrap(),
    ] {
        let refused = fixture.try_change(&[of_key(late)]).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
    let stored = fixture
        .store
        .key(tenant.id, key.id)
        .await
        .unwrap()
        .unwrap()
        .key;
    assert_eq!(stored.version, 2);
}

async fn of_racing_changes_exactly_one_wins(fixture: &Fixture) {
    let mut samples = Samples::new(3);
    let tenant = samples.tenant("acme");
    let mut key = samples.key(tenant.id);
    fixture
        .change(&[create_tenant(&tenant), samples.creation(key.clone())])
        .await;
    let other = fixture.reopen().await;
    for round in 0..20 {
        let racers: Vec<_> = (0..4)
            .map(|racer| {
                let attributes = Attributes {
                    name: Some(format!("{round}/{racer}")),
                    ..Attributes::default()
                };
                let update = of_key(key.update(attributes, None).unwrap());
                let store = if racer % 2 == 0 {
                    fixture.store.clone()
                } else {
                    other.clone()
                };
                async move { change(&store, &[update]).await }
            })
            .collect();
        let mut won = 0;
        for result in join_all(racers).await {
            match result {
                Ok(_) => won += 1,
                Err(error) => assert!(matches!(error, StoreError::Conflict), "{error:?}"),
            }
        }
        assert_eq!(won, 1);
        let stored = fixture
            .store
            .key(tenant.id, key.id)
            .await
            .unwrap()
            .unwrap()
            .key;
        assert_eq!(stored.version, key.version + 1);
        key = stored;
    }
    other.close().await;
}

async fn a_digest_is_taken_only_once(fixture: &Fixture) {
    let mut samples = Samples::new(4);
    let tenant = samples.tenant("acme");
    let credentials = samples.credentials();
    let creation = |key: keywright_core::key::Key| Change::Key {
        change: key.create(),
        credentials: Some(credentials),
    };
    let first = samples.key(tenant.id);
    fixture
        .change(&[create_tenant(&tenant), creation(first)])
        .await;
    let second = creation(samples.key(tenant.id));
    let refused = fixture.try_change(&[second]).await;
    assert!(
        matches!(refused, Err(StoreError::Duplicate { what: "key" })),
        "{refused:?}"
    );
}

async fn a_deleted_key_is_gone_with_its_usage(fixture: &Fixture) {
    let mut samples = Samples::new(5);
    let tenant = samples.tenant("acme");
    let key = samples.key(tenant.id);
    fixture
        .change(&[create_tenant(&tenant), samples.creation(key.clone())])
        .await;
    fixture
        .change(&[of_key(key.delete(None, false, NOW).unwrap())])
        .await;

    assert_eq!(fixture.store.key(tenant.id, key.id).await.unwrap(), None);
    let request = PageRequest::newest(KeySort::LastUsed, 10);
    let page = fixture
        .store
        .keys_page(tenant.id, &KeyFilter::default(), &request)
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.total), (0, Total::Exact(0)));
    let left = fixture.raw("DELETE FROM key_usage").await.unwrap();
    assert_eq!(left, 0);
}

async fn keys_of_another_tenant_are_not_there(fixture: &Fixture) {
    let mut samples = Samples::new(6);
    let (ours, theirs) = (samples.tenant("ours"), samples.tenant("theirs"));
    let key = samples.key(theirs.id);
    let made = samples.creation(key.clone());
    fixture
        .change(&[create_tenant(&ours), create_tenant(&theirs), made])
        .await;
    assert_eq!(fixture.store.key(ours.id, key.id).await.unwrap(), None);
    let request = PageRequest::newest(KeySort::CreatedAt, 10);
    let page = fixture
        .store
        .keys_page(ours.id, &KeyFilter::default(), &request)
        .await
        .unwrap();
    assert_eq!(page.items.len(), 0);
}

async fn what_is_not_committed_is_not_there(fixture: &Fixture) {
    let mut samples = Samples::new(7);
    let tenant = samples.tenant("acme");
    let mut tx = fixture.store.begin().await.unwrap();
    tx.apply(&create_tenant(&tenant)).await.unwrap();
    drop(tx);
    // The next transaction would wait for ever if the dropped one were still open.
    let other = samples.tenant("other");
    fixture.change(&[create_tenant(&other)]).await;
    assert_eq!(fixture.store.tenant("acme").await.unwrap(), None);
    assert_eq!(fixture.store.audit_head().await.unwrap().size, 1);
}

async fn a_change_of_what_is_gone_is_a_conflict(fixture: &Fixture) {
    let mut samples = Samples::new(8);
    let tenant = samples.tenant("acme");
    // The tenant does not exist: its key cannot either.
    let key = samples.key(tenant.id);
    let refused = fixture.try_change(&[samples.creation(key.clone())]).await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    let refused = fixture
        .try_change(&[of_key(key.disable(NOW).unwrap())])
        .await;
    assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    // A key without digests is no key.
    let bare = Change::Key {
        change: key.create(),
        credentials: None,
    };
    let refused = fixture.try_change(&[create_tenant(&tenant), bare]).await;
    assert!(matches!(refused, Err(StoreError::Other(_))), "{refused:?}");
}

async fn a_bulk_is_whole_or_not_at_all(fixture: &Fixture) {
    let mut samples = Samples::new(9);
    let tenant = samples.tenant("acme");
    fixture.change(&[create_tenant(&tenant)]).await;
    let mut changes: Vec<Change> = Vec::new();
    for _ in 0..250 {
        let key = samples.key(tenant.id);
        changes.push(samples.creation(key));
    }
    let mut spoiled = changes.clone();
    spoiled.push(changes[3].clone());
    let refused = fixture.try_change(&spoiled).await;
    assert!(
        matches!(refused, Err(StoreError::Duplicate { .. })),
        "{refused:?}"
    );
    let request = PageRequest::newest(KeySort::CreatedAt, 10);
    let page = fixture
        .store
        .keys_page(tenant.id, &KeyFilter::default(), &request)
        .await
        .unwrap();
    assert_eq!(page.total, Total::Exact(0));

    let mut tx = fixture.store.begin().await.unwrap();
    tx.apply_all(&changes).await.unwrap();
    tx.commit(&Actor::operator(), NOW).await.unwrap();
    let page = fixture
        .store
        .keys_page(tenant.id, &KeyFilter::default(), &request)
        .await
        .unwrap();
    assert_eq!(page.total, Total::Exact(250));
    assert_eq!(fixture.store.audit_head().await.unwrap().size, 251);
    fixture.store.verify_audit().await.unwrap();
}

/// Runs futures side by side on the test's runtime.
pub(crate) async fn join_all<T: Send + 'static>(
    futures: Vec<impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let mut set = tokio::task::JoinSet::new();
    for future in futures {
        set.spawn(future);
    }
    set.join_all().await
}
