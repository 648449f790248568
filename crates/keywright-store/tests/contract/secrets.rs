//! What is sealed at rest: kept, found again, and replaced only from what was read.

use keywright_core::change::{Actor, Change, Credentials, Edit, SealedSecret};
use keywright_core::key::{Format, Key};
use keywright_core::tenant::Tenant;
use keywright_store::{Changed, KeyringCheck, SealedKind, SealedRow, StoreError};

use crate::fixture::{Fixture, NOW, contract};
use crate::samples::{Samples, create_tenant, create_user};

contract!(
    the_first_subject_key_counts_and_goes_with_the_user,
    sealed_values_are_walked_and_replaced,
    keyring_checks_are_kept_and_removed,
    a_sealed_secret_comes_with_its_key_and_goes_with_it,
);

async fn the_first_subject_key_counts_and_goes_with_the_user(fixture: &Fixture) {
    let mut samples = Samples::new(70);
    let (user, nobody) = (
        samples.user("ada@example.com"),
        samples.user("no@example.com"),
    );
    fixture.change(&[create_user(&user)]).await;
    let store = &fixture.store;
    assert_eq!(store.subject_key(user.id).await.unwrap(), None);
    store.put_subject_key(user.id, b"first").await.unwrap();
    store.put_subject_key(user.id, b"second").await.unwrap();
    assert_eq!(
        store.subject_key(user.id).await.unwrap().as_deref(),
        Some(&b"first"[..])
    );
    store.put_subject_key(nobody.id, b"x").await.unwrap();
    assert_eq!(store.subject_key(nobody.id).await.unwrap(), None);
    fixture
        .change(&[Change::User(Edit::delete(user.clone()), None)])
        .await;
    assert_eq!(store.subject_key(user.id).await.unwrap(), None);
}

async fn sealed_values_are_walked_and_replaced(fixture: &Fixture) {
    let mut samples = Samples::new(71);
    let mut changes = Vec::new();
    for slug in ["one", "two"] {
        let tenant = samples.tenant(slug);
        changes.push(create_tenant(&tenant));
        for _ in 0..3 {
            changes.push(Change::SigningKey(Edit::create(
                samples.signing_key(tenant.id),
            )));
        }
    }
    let users: Vec<_> = (0..5)
        .map(|n| samples.user(&format!("{n}@example.com")))
        .collect();
    changes.extend(users.iter().map(create_user));
    fixture.change(&changes).await;
    let store = &fixture.store;
    for user in &users {
        store.put_subject_key(user.id, b"sealed").await.unwrap();
    }
    let tenant = samples.tenant("three");
    fixture.change(&[create_tenant(&tenant)]).await;
    for _ in 0..4 {
        let (key, created) = pair(&mut samples, &tenant);
        let sealed = sealed_secret(&key);
        fixture.change(&[created, sealed]).await;
    }
    for (kind, count) in SealedKind::ALL.into_iter().zip([6, 5, 4]) {
        let (mut found, mut after): (Vec<SealedRow>, _) = (Vec::new(), None);
        loop {
            let rows = store.sealed_rows(kind, after.as_ref(), 2).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(last.clone());
            found.extend(rows);
        }
        assert_eq!(found.len(), count);
        let mut tx = store.begin().await.unwrap();
        for row in &found {
            tx.replace_sealed(kind, row, b"anew").await.unwrap();
        }
        tx.commit(&Actor::operator(), NOW).await.unwrap();
        let rows = store.sealed_rows(kind, None, 100).await.unwrap();
        assert!(rows.len() == count && rows.iter().all(|row| row.sealed == b"anew"));
        let mut tx = store.begin().await.unwrap();
        let late = tx.replace_sealed(kind, &found[0], b"late").await;
        assert!(matches!(late, Err(StoreError::Conflict)));
    }
}

async fn keyring_checks_are_kept_and_removed(fixture: &Fixture) {
    let check = |kind: &str, id, check: &[u8]| KeyringCheck {
        kind: kind.into(),
        id,
        check: check.to_vec(),
    };
    let (root, pepper, newer) = (
        check("root", 1, b"a"),
        check("pepper", u32::MAX, b"b"),
        check("root", 1, b"c"),
    );
    let store = &fixture.store;
    assert_eq!(store.keyring_checks().await.unwrap(), []);
    let mut tx = store.begin().await.unwrap();
    for it in [&root, &pepper, &newer] {
        tx.put_keyring_check(it).await.unwrap();
    }
    tx.commit(&Actor::operator(), NOW).await.unwrap();
    assert_eq!(
        store.keyring_checks().await.unwrap(),
        [pepper.clone(), newer]
    );
    let mut tx = store.begin().await.unwrap();
    tx.remove_keyring_check("root", 1).await.unwrap();
    tx.commit(&Actor::operator(), NOW).await.unwrap();
    assert_eq!(store.keyring_checks().await.unwrap(), [pepper]);
}

fn sealed_secret(key: &Key) -> Change {
    Change::RequestSigning(SealedSecret {
        tenant: key.tenant,
        key: key.id,
        sealed: b"sealed".to_vec(),
    })
}

/// A new pair with its creation.
fn pair(samples: &mut Samples, tenant: &Tenant) -> (Key, Change) {
    let key = Key {
        format: Format::Pair,
        ..samples.key(tenant.id)
    };
    let credentials = Credentials {
        secret: Some(samples.digest()),
        ..samples.credentials()
    };
    let created = Change::Key {
        change: key.clone().create(),
        credentials: Some(credentials),
    };
    (key, created)
}

async fn a_sealed_secret_comes_with_its_key_and_goes_with_it(fixture: &Fixture) {
    let mut samples = Samples::new(72);
    let tenant = samples.tenant("one");
    fixture.change(&[create_tenant(&tenant)]).await;
    let (key, created) = pair(&mut samples, &tenant);
    let Change::Key {
        credentials: Some(Credentials { lookup, .. }),
        ..
    } = created
    else {
        unreachable!("a new key has its digests");
    };
    fixture.change(&[created, sealed_secret(&key)]).await;
    let store = &fixture.store;
    let found = async || {
        let record = store.key_for_verify(&lookup).await.unwrap();
        record.and_then(|record| record.sealed_secret)
    };
    assert_eq!(found().await.as_deref(), Some(&b"sealed"[..]));
    let warm = store.warm_keys(None, 10).await.unwrap();
    assert!(warm.iter().any(|it| it.sealed_secret.is_some()));

    // Sealed anew, every node must read it again.
    let before = store.feed_position().await.unwrap();
    let rows = store
        .sealed_rows(SealedKind::RequestSigning, None, 10)
        .await
        .unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.replace_sealed(SealedKind::RequestSigning, &rows[0], b"anew")
        .await
        .unwrap();
    tx.commit(&Actor::operator(), NOW).await.unwrap();
    let feed = store.feed_after(before, 10).await.unwrap();
    assert!(matches!(feed[0].what, Changed::Key { digest, .. } if digest == lookup));
    assert_eq!(found().await.as_deref(), Some(&b"anew"[..]));

    // Only a pair has a secret, and it has one.
    let (other, created) = pair(&mut samples, &tenant);
    fixture.change(&[created, sealed_secret(&other)]).await;
    let mut tx = store.begin().await.unwrap();
    assert!(tx.apply(&sealed_secret(&other)).await.is_err());
    drop(tx);
    let opaque = samples.key(tenant.id);
    let created = samples.creation(opaque.clone());
    fixture.change(&[created]).await;
    let mut tx = store.begin().await.unwrap();
    let refused = tx.apply(&sealed_secret(&opaque)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    drop(tx);

    let deleted = Change::Key {
        change: key.delete(None, true, NOW).unwrap(),
        credentials: None,
    };
    fixture.change(&[deleted]).await;
    let left = store
        .sealed_rows(SealedKind::RequestSigning, None, 10)
        .await
        .unwrap();
    assert_eq!(left.len(), 1);
}
