//! The audit trail: one leaf for each change, in one chain, found by what it is about.

use keywright_core::audit::{Checker, Leaf};
use keywright_core::change::{Actor, Change, Event, Who};
use keywright_core::id::TenantId;
use keywright_store::{AuditFilter, AuditRecord, PageRequest, Start, StoreError, Total};

use crate::fixture::{AUDIT_KEY, Fixture, NOW, change, contract, open};
use crate::samples::{Samples, create_tenant, create_user, of_key};

contract!(
    every_change_leaves_exactly_its_leaf,
    leaves_are_found_by_what_they_are_about,
    the_trail_only_grows,
    a_head_of_another_installation_is_not_built_upon,
    a_failed_change_leaves_no_leaf,
    the_key_of_the_head_rotates,
);

async fn every_change_leaves_exactly_its_leaf(fixture: &Fixture) {
    let mut samples = Samples::new(90);
    let tenant = samples.tenant("acme");
    let key = samples.key(tenant.id);
    let first = [create_tenant(&tenant), samples.creation(key.clone())];
    fixture.change(&first).await;
    let second = of_key(key.revoke(Some("leaked".into()), NOW).unwrap());
    let actor = Actor {
        who: Who::Key(key.id),
        origin: Some(vec![1, 2, 3]),
        request_id: Some("req-1".into()),
    };
    let later = NOW.plus_milliseconds(5);
    let mut tx = fixture.store.begin().await.unwrap();
    tx.apply(&second).await.unwrap();
    tx.commit(&actor, later).await.unwrap();

    let leaves = fixture.store.audit_leaves(0, 10).await.unwrap();
    let operator = Actor::operator();
    let expected = [
        Leaf::encode(0, &first[0], &operator, NOW),
        Leaf::encode(1, &first[1], &operator, NOW),
        Leaf::encode(2, &second, &actor, later),
    ];
    let stored: Vec<_> = leaves.iter().map(|record| record.leaf.clone()).collect();
    assert_eq!(stored, expected);
    let mut checker = Checker::new();
    for AuditRecord { seq, leaf, chain } in &leaves {
        checker.leaf(*seq, leaf, chain);
    }
    let head = fixture.store.audit_head().await.unwrap();
    assert!(
        checker
            .finish(Some((head.size, head.chain, head.root)))
            .is_sound()
    );
    let report = fixture.store.verify_audit().await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.report.size, report.report.root), (3, head.root));
    assert_eq!(
        fixture.store.audit_leaves(2, 10).await.unwrap(),
        leaves[2..]
    );
    assert_eq!(fixture.store.audit_leaves(0, 2).await.unwrap(), leaves[..2]);
}

/// Ten events: in the first tenant six, then in the second.
async fn happen(fixture: &Fixture, who: Who, ours: TenantId, theirs: TenantId) {
    let actor = Actor {
        who,
        origin: None,
        request_id: None,
    };
    for number in 0..10 {
        let event = Event {
            action: if number % 2 == 0 {
                "export_audit"
            } else {
                "sign_in_failed"
            },
            tenant: Some(if number < 6 { ours } else { theirs }),
            target: Some(format!("thing-{}", number % 3)),
            success: true,
        };
        let mut tx = fixture.store.begin().await.unwrap();
        tx.apply(&Change::Event(event)).await.unwrap();
        tx.commit(&actor, NOW.plus_milliseconds(number))
            .await
            .unwrap();
    }
}

/// The numbers of the leaves that a filter finds, the latest first, in pages of two.
async fn numbers(fixture: &Fixture, filter: AuditFilter) -> Vec<u64> {
    let (mut numbers, mut start) = (Vec::new(), Start::Offset(0));
    loop {
        let request = PageRequest {
            sort: (),
            descending: true,
            start,
            limit: 2,
        };
        let page = fixture.store.audit_page(&filter, &request).await.unwrap();
        numbers.extend(page.items.iter().map(|record| record.seq));
        let Some(next) = page.next else {
            assert_eq!(page.total, Total::Exact(numbers.len() as u64));
            return numbers;
        };
        start = Start::After(next);
    }
}

async fn leaves_are_found_by_what_they_are_about(fixture: &Fixture) {
    let mut samples = Samples::new(91);
    let (ours, theirs) = (samples.tenant("ours"), samples.tenant("theirs"));
    let user = samples.user("ada@example.com");
    fixture
        .change(&[
            create_tenant(&ours),
            create_tenant(&theirs),
            create_user(&user),
        ])
        .await;
    happen(fixture, Who::User(user.id), ours.id, theirs.id).await;
    let found = async |filter| numbers(fixture, filter).await;
    let all = AuditFilter::default;
    // Leaves 0 to 2 are the tenants and the user; number n is leaf n + 3.
    assert_eq!(found(all()).await, (0..13).rev().collect::<Vec<_>>());
    let by_tenant = AuditFilter {
        tenant: Some(theirs.id),
        ..all()
    };
    assert_eq!(found(by_tenant).await, [12, 11, 10, 9, 1]);
    let action = Some("export_audit".into());
    assert_eq!(
        found(AuditFilter { action, ..all() }).await,
        [11, 9, 7, 5, 3]
    );
    let actor = Some("operator".into());
    assert_eq!(found(AuditFilter { actor, ..all() }).await, [2, 1, 0]);
    let target = Some("thing-1".into());
    assert_eq!(found(AuditFilter { target, ..all() }).await, [10, 7, 4]);
    let (from, to) = (
        Some(NOW.plus_milliseconds(2)),
        Some(NOW.plus_milliseconds(4)),
    );
    assert_eq!(found(AuditFilter { from, to, ..all() }).await, [6, 5]);
    let none = AuditFilter {
        target: Some("a\0b".into()),
        ..all()
    };
    assert_eq!(found(none).await, [0; 0]);
    let request = PageRequest {
        sort: (),
        descending: false,
        start: Start::Offset(11),
        limit: 5,
    };
    let page = fixture.store.audit_page(&all(), &request).await.unwrap();
    assert_eq!(
        page.items
            .iter()
            .map(|record| record.seq)
            .collect::<Vec<_>>(),
        [11, 12]
    );
}

async fn the_trail_only_grows(fixture: &Fixture) {
    fixture
        .change(&[create_tenant(&Samples::new(92).tenant("acme"))])
        .await;
    for edit in [
        "UPDATE audit SET at = 1",
        "DELETE FROM audit",
        "UPDATE audit SET seq = seq + 1",
    ] {
        let refused = fixture.raw(edit).await.unwrap_err();
        assert!(refused.to_string().contains("only grows"), "{refused}");
    }
    if !fixture.is_sqlite() {
        assert!(fixture.raw("TRUNCATE audit").await.is_err());
    }
    assert!(fixture.store.verify_audit().await.unwrap().is_sound());
}

async fn a_head_of_another_installation_is_not_built_upon(fixture: &Fixture) {
    let mut samples = Samples::new(93);
    fixture
        .change(&[create_tenant(&samples.tenant("acme"))])
        .await;
    let stranger = open(&fixture.url, [8; 32]).await.unwrap();
    let refused = change(&stranger, &[create_tenant(&samples.tenant("other"))])
        .await
        .unwrap_err();
    match refused {
        StoreError::Inconsistent {
            table: "audit_head",
            column: "mac",
            ..
        } => {}
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        stranger.audit_head().await,
        Err(StoreError::Inconsistent { .. })
    ));
    assert!(!stranger.verify_audit().await.unwrap().is_sound());
    assert_eq!(stranger.tenant("other").await.unwrap(), None);
    stranger.close().await;

    // A head that is gone stays gone: no new trail begins beside the tenants.
    fixture.raw("DELETE FROM audit_head").await.unwrap();
    let again = open(&fixture.url, AUDIT_KEY).await.unwrap();
    let refused = change(&again, &[create_tenant(&samples.tenant("third"))]).await;
    assert!(
        matches!(refused, Err(StoreError::Inconsistent { .. })),
        "{refused:?}"
    );
    assert!(!again.verify_audit().await.unwrap().is_sound());
    again.close().await;
}

async fn a_failed_change_leaves_no_leaf(fixture: &Fixture) {
    let mut samples = Samples::new(94);
    let tenant = samples.tenant("acme");
    fixture.change(&[create_tenant(&tenant)]).await;
    let user = samples.user("ada@example.com");
    let twin = samples.tenant("acme");
    fixture
        .try_change(&[create_user(&user), create_tenant(&twin)])
        .await
        .unwrap_err();
    assert_eq!(fixture.store.audit_head().await.unwrap().size, 1);
    assert_eq!(fixture.store.user(user.id).await.unwrap(), None);
    assert_eq!(fixture.store.audit_leaves(0, 10).await.unwrap().len(), 1);
}

async fn the_key_of_the_head_rotates(fixture: &Fixture) {
    const NEWER: [u8; 32] = [9; 32];
    let mut samples = Samples::new(95);
    let store = &fixture.store;
    fixture
        .change(&[create_tenant(&samples.tenant("one"))])
        .await;
    // The newer alone does not believe what the older wrote.
    store.set_audit_keys(vec![NEWER]);
    fixture
        .try_change(&[create_tenant(&samples.tenant("two"))])
        .await
        .unwrap_err();
    store.set_audit_keys(vec![NEWER, AUDIT_KEY]);
    fixture
        .change(&[create_tenant(&samples.tenant("two"))])
        .await;
    // What is written now is the newer's, which the older is no longer needed for.
    store.set_audit_keys(vec![NEWER]);
    fixture
        .change(&[create_tenant(&samples.tenant("three"))])
        .await;
    assert!(store.verify_audit().await.unwrap().is_sound());
    assert_eq!(store.audit_head().await.unwrap().size, 3);
    store.set_audit_keys(Vec::new());
    let refused = fixture
        .try_change(&[create_tenant(&samples.tenant("four"))])
        .await;
    assert!(refused.is_err());
}
