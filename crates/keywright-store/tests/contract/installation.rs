//! Opening, refusing to open, sweeping, and what is said when the database is in trouble.

use std::os::unix::fs::PermissionsExt;

use keywright_core::change::{Actor, Change, SessionOperation};
use keywright_core::time::Timestamp;
use keywright_store::{Remembered, StoreError};

use crate::fixture::{AUDIT_KEY, Fixture, NOW, contract, open};
use crate::samples::{Samples, create_tenant, create_user};

contract!(
    what_was_written_is_there_after_a_restart,
    a_newer_schema_is_refused_in_one_line,
    a_closed_store_is_unavailable,
    sweeping_removes_what_is_over_and_nothing_else,
    an_answer_is_remembered_once_and_for_a_day,
    installation_values_are_replaced,
    a_value_that_nobody_wrote_is_an_error_with_its_place,
    two_nodes_may_start_at_once,
);

async fn what_was_written_is_there_after_a_restart(fixture: &Fixture) {
    let mut samples = Samples::new(50);
    let tenant = samples.tenant("acme");
    fixture.change(&[create_tenant(&tenant)]).await;
    fixture.store.ping().await.unwrap();
    let again = fixture.reopen().await;
    assert_eq!(again.tenant("acme").await.unwrap(), Some(tenant));
    assert_eq!(again.audit_head().await.unwrap().size, 1);
    again.close().await;
    if fixture.is_sqlite() {
        let path = std::path::Path::new(fixture.url.strip_prefix("sqlite:").unwrap());
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(path), mode(path.parent().unwrap())), (0o600, 0o700));
        for file in path.parent().unwrap().read_dir().unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
    }
}

async fn a_newer_schema_is_refused_in_one_line(fixture: &Fixture) {
    fixture
        .raw(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'from the future', TRUE, '', 0)",
        )
        .await
        .unwrap();
    let refused = open(&fixture.url, AUDIT_KEY).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::TooNew { found: 9999, .. }),
        "{refused:?}"
    );
    let sentence = refused.to_string();
    assert!(
        sentence.contains("9999") && !sentence.contains('\n'),
        "{sentence}"
    );
}

async fn a_closed_store_is_unavailable(fixture: &Fixture) {
    let store = fixture.reopen().await;
    store.close().await;
    let refused = store.ping().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert_eq!(refused.to_string(), "the database is not available");
    let refused = store.begin().await.map(drop).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}

async fn sweeping_removes_what_is_over_and_nothing_else(fixture: &Fixture) {
    let mut samples = Samples::new(51);
    let (user, invitation) = (samples.user("ada@example.com"), samples.invitation(None));
    let session = samples.session(user.id);
    let tokens = samples.tokens();
    let digest = samples.digest();
    fixture
        .change(&[
            create_user(&user),
            Change::Session(
                SessionOperation::SignIn,
                session.clone().into(),
                Some(tokens),
            ),
            Change::Invitation(
                keywright_core::change::InvitationOperation::Create,
                invitation.clone().into(),
                Some(digest),
            ),
        ])
        .await;
    let scope = samples.digest();
    let answer = Remembered {
        fingerprint: samples.digest(),
        status: 201,
        body: b"{}".to_vec(),
    };
    let mut tx = fixture.store.begin().await.unwrap();
    tx.remember(&scope, &answer, NOW).await.unwrap();
    tx.commit(&Actor::operator(), NOW).await.unwrap();

    let store = &fixture.store;
    let there = async || {
        [
            store.remembered(&scope).await.unwrap().is_some(),
            store.invitation_by_token(&digest).await.unwrap().is_some(),
            store.session(session.id).await.unwrap().is_some(),
        ]
    };
    let just_before = |end: Timestamp| end.plus_milliseconds(-1);
    for (end, left) in [
        (NOW.plus_days(1), [false, true, true]),
        (invitation.expires_at, [false, false, true]),
        (session.expires_at, [false, false, false]),
    ] {
        let mut before = left;
        before[left.iter().position(|it| *it).unwrap_or(3) - 1] = true;
        store.sweep(just_before(end)).await.unwrap();
        assert_eq!(there().await, before);
        assert_eq!(store.sweep(end).await.unwrap(), 1);
        assert_eq!(there().await, left);
    }
    // No leaf records it.
    assert_eq!(store.audit_head().await.unwrap().size, 3);
}

async fn an_answer_is_remembered_once_and_for_a_day(fixture: &Fixture) {
    let mut samples = Samples::new(52);
    let scope = samples.digest();
    let mut answer = |status| Remembered {
        fingerprint: samples.digest(),
        status,
        body: vec![0, 255],
    };
    let (first, second) = (answer(201), answer(409));
    let store = &fixture.store;
    assert_eq!(store.remembered(&scope).await.unwrap(), None);
    let remember = async |answer: &Remembered, now| {
        let mut tx = store.begin().await?;
        tx.remember(&scope, answer, now).await?;
        tx.commit(&Actor::operator(), now).await
    };
    remember(&first, NOW).await.unwrap();
    let refused = remember(&second, NOW.plus_days(1).plus_milliseconds(-1)).await;
    assert!(matches!(
        refused,
        Err(StoreError::Duplicate {
            what: "idempotency key"
        })
    ));
    assert_eq!(store.remembered(&scope).await.unwrap(), Some(first));
    remember(&second, NOW.plus_days(1)).await.unwrap();
    assert_eq!(store.remembered(&scope).await.unwrap(), Some(second));
}

async fn installation_values_are_replaced(fixture: &Fixture) {
    let store = &fixture.store;
    assert_eq!(store.installation_value("id").await.unwrap(), None);
    for value in [b"first", b"other"] {
        let mut tx = store.begin().await.unwrap();
        tx.put_installation_value("id", value).await.unwrap();
        tx.commit(&Actor::operator(), NOW).await.unwrap();
        assert_eq!(
            store.installation_value("id").await.unwrap().as_deref(),
            Some(&value[..])
        );
    }
}

async fn a_value_that_nobody_wrote_is_an_error_with_its_place(fixture: &Fixture) {
    let mut samples = Samples::new(53);
    let tenant = samples.tenant("acme");
    let key = samples.key(tenant.id);
    fixture
        .change(&[create_tenant(&tenant), samples.creation(key.clone())])
        .await;
    for (column, value) in [
        ("state", "'half'"),
        ("scopes", "'[1]'"),
        ("kind", "'toaster'"),
        ("addresses", "'{\"allow\":[\"10.0.0.1/8\"]}'"),
        ("restrictions", "'{\"countries_allow\":[\"UK\"]}'"),
        ("version", "-1"),
        ("environment", "'No Such'"),
    ] {
        fixture
            .raw(&format!(
                "CREATE TABLE kept AS SELECT {column} AS it FROM keys"
            ))
            .await
            .unwrap();
        fixture
            .raw(&format!("UPDATE keys SET {column} = {value}"))
            .await
            .unwrap();
        let error = fixture.store.key(tenant.id, key.id).await.unwrap_err();
        let row = key.id.to_string();
        match &error {
            StoreError::Inconsistent {
                table: "keys",
                column: found,
                row: of,
            } => {
                assert_eq!((*found, of), (column, &row));
            }
            other => panic!("{other:?}"),
        }
        fixture
            .raw(&format!("UPDATE keys SET {column} = (SELECT it FROM kept)"))
            .await
            .unwrap();
        fixture.raw("DROP TABLE kept").await.unwrap();
    }
    assert_eq!(
        fixture
            .store
            .key(tenant.id, key.id)
            .await
            .unwrap()
            .unwrap()
            .key,
        key
    );
    fixture
        .raw("UPDATE tenants SET settings = '{}'")
        .await
        .unwrap();
    let error = fixture.store.tenant("acme").await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Inconsistent {
                table: "tenants",
                ..
            }
        ),
        "{error:?}"
    );
}

async fn two_nodes_may_start_at_once(fixture: &Fixture) {
    let url = if fixture.is_sqlite() {
        fixture.url.replace("keywright.db", "second.db")
    } else {
        // An empty database: what was migrated is taken away.
        fixture.raw("DROP SCHEMA public CASCADE").await.unwrap();
        fixture.raw("CREATE SCHEMA public").await.unwrap();
        fixture.url.clone()
    };
    let (first, second) = tokio::join!(open(&url, AUDIT_KEY), open(&url, AUDIT_KEY));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(
        first.audit_head().await.unwrap(),
        second.audit_head().await.unwrap()
    );
    first.close().await;
    second.close().await;
}
