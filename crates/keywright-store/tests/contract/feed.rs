//! The change feed: its order is that of the commits, and it names all that must be forgotten.

use std::time::Duration;

use keywright_core::change::{Actor, Change, Edit, Event};
use keywright_core::role::Role;
use keywright_core::time::{DAY_MS, Timestamp};
use keywright_core::user::TenantRole;
use keywright_store::{Changed, FeedPosition};

use crate::fixture::{Fixture, NOW, change, contract};
use crate::keys::join_all;
use crate::samples::{Samples, create_tenant, create_user, join, of_key};

contract!(
    changes_of_keys_and_people_name_what_must_be_forgotten,
    changes_of_a_tenants_rules_name_the_tenant,
    what_no_cache_holds_writes_no_row,
    no_reader_misses_a_row_of_parallel_writers,
    a_commit_wakes_followers_on_every_node,
    a_reader_before_the_kept_part_forgets_everything,
);

async fn rows_of(fixture: &Fixture, changes: &[Change]) -> Vec<Changed> {
    let before = fixture.store.feed_position().await.unwrap();
    let FeedPosition(position) = fixture.change(changes).await;
    let rows = fixture.store.feed_after(before, 100).await.unwrap();
    assert_eq!(position, rows.last().map_or(0, |row| row.seq));
    rows.into_iter().map(|row| row.what).collect()
}

async fn changes_of_keys_and_people_name_what_must_be_forgotten(fixture: &Fixture) {
    let mut samples = Samples::new(40);
    let (tenant, second) = (samples.tenant("acme"), samples.tenant("second"));
    let (user, mut key) = (samples.user("ada@example.com"), samples.key(tenant.id));
    assert_eq!(
        rows_of(fixture, &[create_tenant(&tenant)]).await,
        [Changed::Tenant(tenant.id)]
    );
    fixture
        .change(&[create_tenant(&second), create_user(&user)])
        .await;
    assert_eq!(
        rows_of(fixture, &[join(second.id, user.id, TenantRole::Member)]).await,
        [Changed::Tenant(second.id)]
    );

    key.owner = Some(user.id);
    let credentials = samples.credentials();
    let creation = Change::Key {
        change: key.clone().create(),
        credentials: Some(credentials),
    };
    let row = Changed::Key {
        tenant: tenant.id,
        id: key.id,
        digest: credentials.lookup,
    };
    assert_eq!(rows_of(fixture, &[creation]).await, [row.clone()]);
    let disable = key.disable(NOW).unwrap();
    let disabled = (*disable.after.clone().unwrap()).clone();
    assert_eq!(rows_of(fixture, &[of_key(disable)]).await, [row.clone()]);
    let delete = of_key(disabled.delete(None, true, NOW).unwrap());

    // A user matters wherever the user is a member or owns keys.
    let mut off = user.clone();
    off.disabled_at = Some(NOW);
    off.version = 2;
    let mut rows = rows_of(
        fixture,
        &[Change::User(Edit::update(user, off.clone()), None)],
    )
    .await;
    rows.sort_by_key(|row| *row != Changed::Tenant(tenant.id));
    assert_eq!(
        rows,
        [Changed::Tenant(tenant.id), Changed::Tenant(second.id)]
    );
    assert_eq!(rows_of(fixture, &[delete]).await, [row]);
    let remove = [Change::User(Edit::delete(off), None)];
    assert_eq!(
        rows_of(fixture, &remove).await,
        [Changed::Tenant(second.id)]
    );
}

async fn changes_of_a_tenants_rules_name_the_tenant(fixture: &Fixture) {
    let mut samples = Samples::new(45);
    let tenant = samples.tenant("acme");
    fixture.change(&[create_tenant(&tenant)]).await;
    let role = Role::common().remove(0);
    let scope = keywright_core::scope::CatalogueEntry {
        scope: "x:y".parse().unwrap(),
        description: String::new(),
        implies: Vec::new(),
    };
    // Once for each transaction, however often it changes.
    let changes = [
        Change::Role(tenant.id, Edit::create(role)),
        Change::Scope(tenant.id, Edit::create(scope)),
    ];
    assert_eq!(
        rows_of(fixture, &changes).await,
        [Changed::Tenant(tenant.id)]
    );
    let signing = Change::SigningKey(Edit::create(samples.signing_key(tenant.id)));
    assert_eq!(
        rows_of(fixture, &[signing]).await,
        [Changed::SigningKeys(tenant.id)]
    );
    // Written by a newer version: better too much forgotten than too little.
    fixture
        .raw("INSERT INTO feed (kind, at) VALUES ('from the future', 0)")
        .await
        .unwrap();
    let rows = fixture.store.feed_after(0, 100).await.unwrap();
    assert_eq!(rows.last().map(|row| &row.what), Some(&Changed::Everything));
}

async fn what_no_cache_holds_writes_no_row(fixture: &Fixture) {
    let mut samples = Samples::new(41);
    let user = samples.user("ada@example.com");
    let mut named = user.clone();
    named.name = Some("Ada".into());
    named.version = 2;
    let event = Event {
        action: "sign_in_failed",
        tenant: None,
        target: None,
        success: false,
    };
    let changes = [
        create_user(&user),
        Change::User(Edit::update(user, named), None),
        Change::Event(event),
    ];
    assert_eq!(rows_of(fixture, &changes).await, []);
    assert_eq!(fixture.store.audit_head().await.unwrap().size, 3);
    let empty = fixture.store.begin().await.unwrap();
    assert_eq!(
        empty.commit(&Actor::operator(), NOW).await.unwrap(),
        FeedPosition(0)
    );
}

/// Writers and changes of each.
const WRITERS: u64 = 6;
const CHANGES: u64 = 25;

/// Trust D2: with a plain sequence, a reader that saw row 2 before row 1 was committed would never
/// see row 1.
async fn no_reader_misses_a_row_of_parallel_writers(fixture: &Fixture) {
    let mut samples = Samples::new(42);
    let tenant = samples.tenant("acme");
    fixture.change(&[create_tenant(&tenant)]).await;
    let other = fixture.reopen().await;
    let start = fixture.store.feed_position().await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = if writer % 2 == 0 {
            fixture.store.clone()
        } else {
            other.clone()
        };
        let tenant = tenant.id;
        async move {
            let mut samples = Samples::new(1_000 + writer);
            let mut last = 0;
            for _ in 0..CHANGES {
                let key = samples.key(tenant);
                let position = change(&store, &[samples.creation(key)]).await.unwrap();
                assert!(position.0 > last);
                last = position.0;
            }
        }
    });
    let writing = join_all(writers.collect());
    let reading = async {
        let (mut position, mut seen) = (start, 0);
        while seen < WRITERS * CHANGES {
            for row in fixture.store.feed_after(position, 7).await.unwrap() {
                assert!(row.seq > position);
                position = row.seq;
                seen += 1;
            }
        }
        position
    };
    let limit = Duration::from_secs(60);
    let both = async { tokio::join!(writing, reading) };
    let (_, position) = tokio::time::timeout(limit, both).await.unwrap();
    assert_eq!(fixture.store.feed_position().await.unwrap(), position);
    let report = fixture.store.verify_audit().await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.report.size, 1 + WRITERS * CHANGES);
    other.close().await;
}

async fn a_commit_wakes_followers_on_every_node(fixture: &Fixture) {
    let mut samples = Samples::new(43);
    let other = fixture.reopen().await;
    let mut near = fixture.store.feed_listener().await.unwrap();
    let mut far = other.feed_listener().await.unwrap();
    let position = fixture
        .change(&[create_tenant(&samples.tenant("acme"))])
        .await;
    near.wait().await;
    assert_eq!(fixture.store.feed_position().await.unwrap(), position.0);
    far.wait().await;
    assert_eq!(other.feed_position().await.unwrap(), position.0);
    // Without news the wait ends too: wake-ups are only hints.
    tokio::time::timeout(Duration::from_secs(5), near.wait())
        .await
        .unwrap();
    other.close().await;
    tokio::time::timeout(Duration::from_secs(5), far.wait())
        .await
        .unwrap();
}

async fn a_reader_before_the_kept_part_forgets_everything(fixture: &Fixture) {
    let mut samples = Samples::new(44);
    let tenant = samples.tenant("acme");
    let first = fixture.change(&[create_tenant(&tenant)]).await.0;
    let store = &fixture.store;
    let later =
        |days: i64, ms: i64| Timestamp::from_milliseconds(NOW.milliseconds() + days * DAY_MS + ms);
    store.sweep(later(7, 0)).await.unwrap();
    assert_eq!(store.feed_after(0, 10).await.unwrap().len(), 1);
    assert!(store.feed_after(0, 10).await.unwrap()[0].what != Changed::Everything);

    assert_eq!(store.sweep(later(7, 1)).await.unwrap(), 1);
    assert_eq!(store.feed_position().await.unwrap(), first);
    let rows = store.feed_after(0, 10).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].seq, &rows[0].what), (first, &Changed::Everything));
    assert_eq!(store.feed_after(first, 10).await.unwrap(), []);
    // New rows go on where the old ones ended.
    let second = samples.tenant("second");
    let next = fixture.change(&[create_tenant(&second)]).await.0;
    assert!(next > first);
    assert_eq!(store.feed_after(first, 10).await.unwrap().len(), 1);
}
