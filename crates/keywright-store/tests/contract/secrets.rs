//! What is sealed at rest: kept, found again, and replaced only from what was read.

use keywright_core::change::{Actor, Change, Edit};
use keywright_store::{KeyringCheck, SealedKind, SealedRow, StoreError};

use crate::fixture::{Fixture, NOW, contract};
use crate::samples::{Samples, create_tenant, create_user};

contract!(
    the_first_subject_key_counts_and_goes_with_the_user,
    sealed_values_are_walked_and_replaced,
    keyring_checks_are_kept_and_removed,
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
    for (kind, count) in SealedKind::ALL.into_iter().zip([6, 5]) {
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
