//! Tenants, their scopes, roles and signing keys.

use keywright_core::change::{Change, Edit};
use keywright_core::key::{Format, Purpose};
use keywright_core::policy::ExpiryRule;
use keywright_core::role::Role;
use keywright_core::scope::CatalogueEntry;
use keywright_core::token::jwt::SigningAlgorithm;
use keywright_core::token::{Alphabet, OpaqueFormat, Prefix};
use keywright_store::{PageRequest, Start, StoreError, TenantSort, Total};

use crate::fixture::{Fixture, NOW, change, contract};
use crate::keys::join_all;
use crate::samples::{Samples, create_tenant};

contract!(
    every_setting_comes_back,
    a_slug_is_taken_only_once,
    tenants_are_listed_searched_and_paged,
    scopes_and_roles_change_only_from_what_they_were,
    edits_that_break_the_catalogue_together_do_not_both_happen,
    signing_keys_change_only_from_what_they_were,
);

async fn every_setting_comes_back(fixture: &Fixture) {
    let mut samples = Samples::new(80);
    let tenant = samples.tenant("acme");
    fixture.change(&[create_tenant(&tenant)]).await;
    let mut other = tenant.clone();
    other.slug = "acme-2".parse().unwrap();
    other.name = "\u{c4}cme \u{1f511}".into();
    other.suspended_at = Some(NOW);
    other.version = 2;
    let settings = &mut other.settings;
    settings.opaque =
        OpaqueFormat::new(Prefix::new("acme").unwrap(), 40, Alphabet::Hexadecimal).unwrap();
    settings.default_format = Format::Jwt;
    settings.jwt_algorithm = SigningAlgorithm::EdDsa;
    settings.audience = "https://api.example.com".into();
    settings.query_credentials = true;
    settings.environments.pop();
    settings.expiry.default_days = 0;
    settings.expiry.never_allowed = false;
    settings.expiry.rules = vec![
        ExpiryRule {
            purpose: Some(Purpose::Web),
            environment: None,
            max_days: 1,
        },
        ExpiryRule {
            purpose: None,
            environment: Some("staging".parse().unwrap()),
            max_days: 36_500,
        },
    ];
    let update = Change::Tenant(Edit::update(tenant.clone(), other.clone()));
    fixture.change(&[update.clone()]).await;
    let store = &fixture.store;
    assert_eq!(store.tenant("acme-2").await.unwrap(), Some(other.clone()));
    assert_eq!(
        store.tenant(&tenant.id.to_string()).await.unwrap(),
        Some(other.clone())
    );
    for absent in ["acme", "", "\0", "tenant-"] {
        assert_eq!(store.tenant(absent).await.unwrap(), None);
    }
    let late = [update, Change::Tenant(Edit::delete(tenant))];
    for late in late {
        assert!(matches!(
            fixture.try_change(&[late]).await,
            Err(StoreError::Conflict)
        ));
    }
    fixture.change(&[Change::Tenant(Edit::delete(other))]).await;
    assert_eq!(store.tenant("acme-2").await.unwrap(), None);
}

async fn a_slug_is_taken_only_once(fixture: &Fixture) {
    let mut samples = Samples::new(81);
    let racers = (0..6).map(|_| {
        let (store, tenant) = (fixture.store.clone(), samples.tenant("acme"));
        async move { change(&store, &[create_tenant(&tenant)]).await }
    });
    let results = join_all(racers.collect()).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let taken = |result: &&Result<_, StoreError>| {
        matches!(result, Err(StoreError::Duplicate { what: "slug" }))
    };
    assert_eq!(results.iter().filter(taken).count(), 5);
}

async fn tenants_are_listed_searched_and_paged(fixture: &Fixture) {
    let mut samples = Samples::new(82);
    let mut tenants = Vec::new();
    for number in 0..11 {
        let mut tenant = samples.tenant(&format!("tenant-{number:02}"));
        tenant.created_at = NOW.plus_milliseconds(number / 3);
        tenants.push(tenant);
    }
    fixture
        .change(&tenants.iter().map(create_tenant).collect::<Vec<_>>())
        .await;
    for sort in [TenantSort::Slug, TenantSort::CreatedAt] {
        for descending in [false, true] {
            let mut expected = tenants.clone();
            match sort {
                TenantSort::Slug => expected.sort_by_key(|it| it.slug.clone()),
                TenantSort::CreatedAt => expected.sort_by_key(|it| (it.created_at, it.id)),
            }
            if descending {
                expected.reverse();
            }
            let (mut found, mut start) = (Vec::new(), Start::Offset(0));
            loop {
                let request = PageRequest {
                    sort,
                    descending,
                    start,
                    limit: 4,
                };
                let page = fixture.store.tenants_page(None, &request).await.unwrap();
                assert_eq!(page.total, Total::Exact(11));
                found.extend(page.items);
                let Some(next) = page.next else { break };
                start = Start::After(next);
            }
            assert_eq!(found, expected);
        }
    }
    let request = PageRequest::newest(TenantSort::Slug, 50);
    for (search, count) in [("TENANT-0", 10), ("-10 company", 1), ("_", 0)] {
        let page = fixture
            .store
            .tenants_page(Some(search), &request)
            .await
            .unwrap();
        assert_eq!(
            (page.items.len(), page.total),
            (count, Total::Exact(count as u64))
        );
    }
}

fn entry(scope: &str, implies: &[&str]) -> CatalogueEntry {
    CatalogueEntry {
        scope: scope.parse().unwrap(),
        description: format!("About {scope}"),
        implies: implies.iter().map(|grant| grant.parse().unwrap()).collect(),
    }
}

async fn scopes_and_roles_change_only_from_what_they_were(fixture: &Fixture) {
    let mut samples = Samples::new(83);
    let tenant = samples.tenant("acme");
    let (read, write) = (entry("a:read", &[]), entry("a:write", &["a:read"]));
    let role = Role {
        name: "reader".parse().unwrap(),
        description: "Reads".into(),
        grants: vec!["a:read".parse().unwrap(), "*".parse().unwrap()],
        builtin: false,
    };
    let scope = |edit| Change::Scope(tenant.id, edit);
    let with_role = |edit| Change::Role(tenant.id, edit);
    fixture
        .change(&[
            create_tenant(&tenant),
            scope(Edit::create(write.clone())),
            scope(Edit::create(read.clone())),
            with_role(Edit::create(role.clone())),
        ])
        .await;
    let store = &fixture.store;
    assert_eq!(
        store.scopes(tenant.id).await.unwrap(),
        [read.clone(), write.clone()]
    );
    assert_eq!(store.roles(tenant.id).await.unwrap(), [role.clone()]);
    for (again, what) in [
        (scope(Edit::create(read.clone())), "scope"),
        (with_role(Edit::create(role.clone())), "role"),
    ] {
        match fixture.try_change(&[again]).await {
            Err(StoreError::Duplicate { what: found }) => assert_eq!(found, what),
            other => panic!("{other:?}"),
        }
    }
    let plain = entry("a:write", &[]);
    let bare = Role {
        grants: Vec::new(),
        ..role.clone()
    };
    let edits = [
        scope(Edit::update(write.clone(), plain.clone())),
        with_role(Edit::update(role.clone(), bare.clone())),
    ];
    fixture.change(&edits).await;
    for late in edits {
        assert!(matches!(
            fixture.try_change(&[late]).await,
            Err(StoreError::Conflict)
        ));
    }
    fixture
        .change(&[
            scope(Edit::delete(plain)),
            with_role(Edit::delete(bare.clone())),
        ])
        .await;
    assert_eq!(store.scopes(tenant.id).await.unwrap(), [read]);
    let gone = fixture.try_change(&[with_role(Edit::delete(bare))]).await;
    assert!(matches!(gone, Err(StoreError::Conflict)));
}

async fn edits_that_break_the_catalogue_together_do_not_both_happen(fixture: &Fixture) {
    let mut samples = Samples::new(84);
    for round in 0..10 {
        let tenant = samples.tenant(&format!("acme-{round}"));
        let read = entry("a:read", &[]);
        fixture
            .change(&[
                create_tenant(&tenant),
                Change::Scope(tenant.id, Edit::create(read.clone())),
            ])
            .await;
        let remove = Change::Scope(tenant.id, Edit::delete(read));
        let imply = Change::Scope(tenant.id, Edit::create(entry("a:write", &["a:read"])));
        let racers = [remove, imply].map(|edit| {
            let store = fixture.store.clone();
            async move { change(&store, &[edit]).await }
        });
        let results = join_all(racers.into()).await;
        assert_eq!(
            results.iter().filter(|result| result.is_ok()).count(),
            1,
            "{results:?}"
        );
        fixture
            .store
            .tenant_facts(tenant.id)
            .await
            .unwrap()
            .unwrap();
    }
}

async fn signing_keys_change_only_from_what_they_were(fixture: &Fixture) {
    let mut samples = Samples::new(85);
    let (tenant, other) = (samples.tenant("acme"), samples.tenant("other"));
    let (mut first, second) = (
        samples.signing_key(tenant.id),
        samples.signing_key(tenant.id),
    );
    first.created_at = NOW.plus_milliseconds(-1);
    let third = samples.signing_key(other.id);
    let mut changes = vec![create_tenant(&tenant), create_tenant(&other)];
    for record in [&first, &second, &third] {
        changes.push(Change::SigningKey(Edit::create(record.clone())));
    }
    fixture.change(&changes).await;
    let again = fixture.try_change(&[changes[2].clone()]).await;
    assert!(
        matches!(
            again,
            Err(StoreError::Duplicate {
                what: "signing key"
            })
        ),
        "{again:?}"
    );
    let store = &fixture.store;
    assert_eq!(
        store.signing_keys(tenant.id).await.unwrap(),
        [first.clone(), second.clone()]
    );
    assert_eq!(store.all_signing_keys().await.unwrap().len(), 3);
    let mut retired = first.clone();
    retired.retired_at = Some(NOW);
    let retire = Change::SigningKey(Edit::update(first, retired.clone()));
    fixture.change(&[retire.clone()]).await;
    assert!(matches!(
        fixture.try_change(&[retire]).await,
        Err(StoreError::Conflict)
    ));
    assert_eq!(store.signing_keys(tenant.id).await.unwrap()[0], retired);
    fixture
        .change(&[Change::SigningKey(Edit::delete(retired))])
        .await;
    assert_eq!(store.signing_keys(tenant.id).await.unwrap(), [second]);
}
