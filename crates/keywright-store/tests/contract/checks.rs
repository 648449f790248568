//! What checks read, and what they leave behind.

use std::net::IpAddr;

use keywright_core::change::{Change, Credentials, Edit};
use keywright_core::role::Role;
use keywright_core::scope::Catalogue;
use keywright_core::token::PepperId;
use keywright_core::user::{Membership, TenantRole};
use keywright_store::{Changed, LastUseRecord, OwnerRecord, Rehash};

use crate::fixture::{Fixture, NOW, contract};
use crate::samples::{Samples, create_tenant, create_user};

contract!(
    a_check_knows_whether_the_owner_may_act,
    a_key_works_only_while_its_owner_belongs_to_the_tenant,
    an_unknown_digest_finds_nothing,
    a_tenant_comes_with_its_scopes_and_roles,
    warming_reads_every_key_once,
    the_latest_use_stays,
    a_rehash_happens_once_and_leaves_no_leaf,
);

async fn a_check_knows_whether_the_owner_may_act(fixture: &Fixture) {
    let mut samples = Samples::new(30);
    let (tenant, user) = (samples.tenant("acme"), samples.user("ada@example.com"));
    let mut key = samples.key(tenant.id);
    key.owner = Some(user.id);
    let credentials = samples.credentials();
    let creation = Change::Key {
        change: key.create(),
        credentials: Some(credentials),
    };
    fixture
        .change(&[create_tenant(&tenant), create_user(&user), creation])
        .await;
    let membership = Membership {
        tenant: tenant.id,
        user: user.id,
        role: TenantRole::Member,
    };
    fixture
        .change(&[Change::Membership(Edit::create(membership))])
        .await;
    let owner = async || {
        let record = fixture
            .store
            .key_for_verify(&credentials.lookup)
            .await
            .unwrap()
            .unwrap();
        record.owner.unwrap()
    };
    let email = "ada@example.com".to_owned();
    assert_eq!(
        owner().await,
        OwnerRecord {
            id: user.id,
            email: email.clone(),
            active: true
        }
    );

    let mut disabled = user.clone();
    disabled.disabled_at = Some(NOW);
    disabled.version = 2;
    fixture
        .change(&[Change::User(
            Edit::update(user.clone(), disabled.clone()),
            None,
        )])
        .await;
    assert_eq!(
        owner().await,
        OwnerRecord {
            id: user.id,
            email,
            active: false
        }
    );

    fixture
        .change(&[Change::User(Edit::delete(disabled), None)])
        .await;
    let gone = OwnerRecord {
        id: user.id,
        email: String::new(),
        active: false,
    };
    assert_eq!(owner().await, gone);
}

async fn a_key_works_only_while_its_owner_belongs_to_the_tenant(fixture: &Fixture) {
    let mut samples = Samples::new(31);
    let (tenant, user) = (samples.tenant("belongs"), samples.user("bob@example.com"));
    let mut key = samples.key(tenant.id);
    key.owner = Some(user.id);
    let credentials = samples.credentials();
    let creation = Change::Key {
        change: key.create(),
        credentials: Some(credentials),
    };
    fixture
        .change(&[create_tenant(&tenant), create_user(&user), creation])
        .await;
    let active = async || {
        let found = fixture.store.key_for_verify(&credentials.lookup).await;
        found.unwrap().unwrap().owner.unwrap().active
    };
    let membership = Membership {
        tenant: tenant.id,
        user: user.id,
        role: TenantRole::Member,
    };
    assert!(!active().await, "not a member");
    let joined = Edit::create(membership.clone());
    fixture.change(&[Change::Membership(joined)]).await;
    assert!(active().await);
    let removed = Edit::delete(membership);
    fixture.change(&[Change::Membership(removed)]).await;
    assert!(!active().await, "removed");
}

async fn an_unknown_digest_finds_nothing(fixture: &Fixture) {
    let digest = Samples::new(31).digest();
    assert_eq!(fixture.store.key_for_verify(&digest).await.unwrap(), None);
}

async fn a_tenant_comes_with_its_scopes_and_roles(fixture: &Fixture) {
    let mut samples = Samples::new(32);
    let tenant = samples.tenant("acme");
    assert!(
        fixture
            .store
            .tenant_facts(tenant.id)
            .await
            .unwrap()
            .is_none()
    );
    let mut changes = vec![create_tenant(&tenant)];
    let entries = Catalogue::common().entries().to_vec();
    changes.extend(
        entries
            .iter()
            .map(|it| Change::Scope(tenant.id, Edit::create(it.clone()))),
    );
    let mut roles = Role::common();
    changes.extend(
        roles
            .iter()
            .map(|it| Change::Role(tenant.id, Edit::create(it.clone()))),
    );
    fixture.change(&changes).await;

    let facts = fixture
        .store
        .tenant_facts(tenant.id)
        .await
        .unwrap()
        .unwrap();
    roles.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!((facts.tenant, facts.roles), (tenant, roles));
    assert_eq!(facts.catalogue, Catalogue::common());
}

async fn warming_reads_every_key_once(fixture: &Fixture) {
    let mut samples = Samples::new(33);
    let tenant = samples.tenant("acme");
    let mut changes = vec![create_tenant(&tenant)];
    for _ in 0..10 {
        let key = samples.key(tenant.id);
        changes.push(samples.creation(key));
    }
    fixture.change(&changes).await;
    let (mut after, mut found) = (None, Vec::new());
    loop {
        let keys = fixture.store.warm_keys(after, 3).await.unwrap();
        let Some(last) = keys.last() else { break };
        after = Some(last.key.id);
        found.extend(keys.iter().map(|record| record.key.id));
    }
    assert_eq!(found.len(), 10);
    assert!(found.is_sorted_by(|a, b| a < b));
}

async fn the_latest_use_stays(fixture: &Fixture) {
    let mut samples = Samples::new(34);
    let tenant = samples.tenant("acme");
    let (key, gone) = (samples.key(tenant.id), samples.key(tenant.id));
    fixture
        .change(&[create_tenant(&tenant), samples.creation(key.clone())])
        .await;
    let position = fixture.store.feed_position().await.unwrap();
    let address: Option<IpAddr> = "2001:db8::1".parse().ok();
    let note = async |uses: &[(i64, Option<IpAddr>)]| {
        let record = |(at, address): &(i64, Option<IpAddr>)| LastUseRecord {
            tenant: tenant.id,
            key: key.id,
            at: NOW.plus_milliseconds(*at),
            address: *address,
        };
        let mut uses: Vec<_> = uses.iter().map(record).collect();
        uses.push(LastUseRecord {
            tenant: tenant.id,
            key: gone.id,
            at: NOW,
            address: None,
        });
        fixture.store.record_last_use(&uses).await.unwrap();
        let stored = fixture.store.key(tenant.id, key.id).await.unwrap().unwrap();
        let at = stored.last_used_at.unwrap();
        (at.milliseconds() - NOW.milliseconds(), stored.last_address)
    };
    assert_eq!(note(&[(5, address)]).await, (5, address));
    assert_eq!(note(&[(4, None)]).await, (5, address));
    assert_eq!(note(&[(7, None), (6, address)]).await, (7, None));
    fixture.store.record_last_use(&[]).await.unwrap();
    // Noting a use wakes nobody and moves no version.
    assert_eq!(fixture.store.feed_position().await.unwrap(), position);
    assert_eq!(
        fixture
            .store
            .key(tenant.id, key.id)
            .await
            .unwrap()
            .unwrap()
            .key
            .version,
        1
    );
}

async fn a_rehash_happens_once_and_leaves_no_leaf(fixture: &Fixture) {
    let mut samples = Samples::new(35);
    let tenant = samples.tenant("acme");
    let (key, other) = (samples.key(tenant.id), samples.key(tenant.id));
    let former = Credentials {
        pepper: PepperId(1),
        lookup: samples.digest(),
        secret: Some(samples.digest()),
    };
    let creation = Change::Key {
        change: key.clone().create(),
        credentials: Some(former),
    };
    fixture
        .change(&[create_tenant(&tenant), creation, samples.creation(other)])
        .await;
    let store = &fixture.store;
    let counts = store.count_by_pepper().await.unwrap();
    assert_eq!(counts, [(PepperId(1), 2)]);
    let (leaves, position) = (
        store.audit_head().await.unwrap().size,
        store.feed_position().await.unwrap(),
    );

    let rehash = Rehash {
        tenant: tenant.id,
        key: key.id,
        former: former.lookup,
        pepper: PepperId(2),
        lookup: samples.digest(),
        secret: Some(samples.digest()),
    };
    assert_eq!(store.rehash(&[rehash], NOW).await.unwrap(), 1);
    let late = Rehash {
        lookup: samples.digest(),
        ..rehash
    };
    assert_eq!(store.rehash(&[late], NOW).await.unwrap(), 0);
    assert_eq!(store.rehash(&[], NOW).await.unwrap(), 0);

    assert_eq!(store.key_for_verify(&former.lookup).await.unwrap(), None);
    let found = store.key_for_verify(&rehash.lookup).await.unwrap().unwrap();
    assert_eq!(
        (found.credentials.secret, found.key),
        (rehash.secret, key.clone())
    );
    assert_eq!(
        store.count_by_pepper().await.unwrap(),
        [(PepperId(1), 1), (PepperId(2), 1)]
    );
    let rows = store.feed_after(position, 10).await.unwrap();
    let rows: Vec<_> = rows.into_iter().map(|row| row.what).collect();
    let row = |digest| Changed::Key {
        tenant: tenant.id,
        id: key.id,
        digest,
    };
    assert_eq!(rows, [row(former.lookup), row(rehash.lookup)]);
    assert_eq!(store.audit_head().await.unwrap().size, leaves);
}
