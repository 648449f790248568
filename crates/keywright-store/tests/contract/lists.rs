//! Lists of keys against a naive model: every filter, every order, every page, and searches.

use std::collections::BTreeMap;

use keywright_core::change::{Actor, Change, Edit};
use keywright_core::id::{KeyId, TenantId};
use keywright_core::key::{Format, Kind, State, Status};
use keywright_core::time::Timestamp;
use keywright_core::user::User;
use keywright_store::{
    COUNT_MAX, CursorValue, KeyFilter, KeyRecord, KeySort, LastUseRecord, LastUsed, PageRequest,
    Start, Total,
};

use crate::fixture::{Fixture, NOW, contract};
use crate::samples::{Samples, create_tenant, create_user};

contract!(
    every_filter_and_order_agrees_with_the_model,
    pages_cover_the_list_without_gap_or_repeat,
    a_search_over_many_keys_finds_what_it_should,
    totals_of_long_filtered_lists_are_bounded,
);

const NAMES: [Option<&str>; 6] = [
    None,
    Some("Alpha"),
    Some("alpha"),
    Some("\u{c4}rger"),
    Some("beta 50%_\\"),
    Some("Gamma"),
];

/// Fills two tenants with keys that differ in everything that a list may ask for.
async fn fill(fixture: &Fixture, samples: &mut Samples) -> (TenantId, Vec<User>, Vec<KeyRecord>) {
    let (ours, theirs) = (samples.tenant("ours"), samples.tenant("theirs"));
    let users = vec![
        samples.user("ada@example.com"),
        samples.user("bob@example.com"),
    ];
    let mut changes = vec![create_tenant(&ours), create_tenant(&theirs)];
    changes.extend(users.iter().map(create_user));
    let mut records = Vec::new();
    let mut uses = Vec::new();
    for number in 0..120 {
        let tenant = if number % 10 == 9 { theirs.id } else { ours.id };
        let mut key = samples.key(tenant);
        key.created_at = NOW.plus_milliseconds(i64::try_from(samples.below(20)).unwrap());
        key.kind = *samples.one_of(Kind::ALL);
        key.format = *samples.one_of(Format::ALL);
        key.environment = samples.one_of(&["production", "staging"]).parse().unwrap();
        key.owner = samples
            .one_of(&[None, Some(users[0].id), Some(users[1].id)])
            .to_owned();
        key.hint = format!("kw_live_...{number:04}");
        key.expires_at = *samples.one_of(&[
            None,
            Some(NOW),
            Some(NOW.plus_milliseconds(1)),
            Some(NOW.plus_days(3)),
        ]);
        key.state = samples
            .one_of(&[
                State::Active,
                State::Disabled { at: NOW },
                State::Revoked {
                    at: NOW,
                    reason: None,
                },
            ])
            .clone();
        let attributes = &mut key.attributes;
        attributes.name = samples.one_of(&NAMES).map(Into::into);
        attributes.not_before = *samples.one_of(&[None, Some(NOW), Some(NOW.plus_milliseconds(1))]);
        attributes.scopes = samples
            .one_of(&[
                vec![],
                vec!["api:read"],
                vec!["api:read", "api:write"],
                vec!["api:*"],
            ])
            .iter()
            .map(|grant| grant.parse().unwrap())
            .collect();
        attributes.roles = samples
            .one_of(&[vec![], vec!["read-only"]])
            .iter()
            .map(|role| role.parse().unwrap())
            .collect();
        attributes.tags = samples
            .one_of(&[
                vec![],
                vec!["red"],
                vec!["red", "big"],
                vec!["\","],
                vec![","],
            ])
            .iter()
            .map(|tag| (*tag).into())
            .collect();
        attributes.external_id = samples
            .one_of(&[None, Some("customer-7".to_owned())])
            .clone();
        changes.push(samples.creation(key.clone()));
        let last_used_at = (samples.below(3) > 0)
            .then(|| NOW.plus_milliseconds(i64::try_from(samples.below(5)).unwrap()));
        if let Some(at) = last_used_at {
            uses.push(LastUseRecord {
                tenant,
                key: key.id,
                at,
                address: None,
            });
        }
        if tenant == ours.id {
            let owner = users.iter().find(|user| Some(user.id) == key.owner);
            let owner_email = owner.map(|user| user.email.clone());
            records.push(KeyRecord {
                key,
                owner_email,
                last_used_at,
                last_address: None,
            });
        }
    }
    fixture.change(&changes).await;
    fixture.store.record_last_use(&uses).await.unwrap();
    (ours.id, users, records)
}

/// What the store's SQL means, said again in Rust.
fn matches(filter: &KeyFilter, record: &KeyRecord) -> bool {
    let key = &record.key;
    let attributes = &key.attributes;
    let equal = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
    };
    let searched = filter.search.as_deref().is_none_or(|term| {
        let texts = [
            attributes.name.as_deref(),
            attributes.external_id.as_deref(),
        ];
        let mut texts = texts.into_iter().flatten().chain([key.hint.as_str()]);
        let tags = || attributes.tags.iter().any(|tag| found_in(tag, term));
        if term.chars().count() < 3 {
            let name = attributes
                .name
                .as_deref()
                .unwrap_or_default()
                .to_lowercase();
            return name.starts_with(&term.to_lowercase());
        }
        if term.starts_with("key-") {
            return key.id.to_string().starts_with(term);
        }
        texts.any(|text| found_in(text, term)) || tags()
    });
    let used = match filter.last_used {
        None => true,
        Some(LastUsed::Never) => record.last_used_at.is_none(),
        Some(LastUsed::Before(at)) => record.last_used_at.is_none_or(|used| used < at),
        Some(LastUsed::After(at)) => record.last_used_at.is_some_and(|used| used >= at),
    };
    searched
        && used
        && filter
            .status
            .is_none_or(|(status, now)| key.status(now) == status)
        && filter.kind.is_none_or(|kind| key.kind == kind)
        && filter.format.is_none_or(|format| key.format == format)
        && filter
            .environment
            .as_ref()
            .is_none_or(|name| key.environment == *name)
        && filter
            .scope
            .as_ref()
            .is_none_or(|grant| attributes.scopes.contains(grant))
        && filter
            .role
            .as_ref()
            .is_none_or(|role| attributes.roles.contains(role))
        && filter
            .tag
            .as_ref()
            .is_none_or(|tag| attributes.tags.contains(tag))
        && filter.owner.is_none_or(|owner| key.owner == Some(owner))
        && equal(&filter.external_id, attributes.external_id.as_deref())
        && filter
            .expires_before
            .is_none_or(|at| key.expires_at.is_some_and(|end| end < at))
        && filter
            .expires_after
            .is_none_or(|at| key.expires_at.is_some_and(|end| end >= at))
        && filter.created_before.is_none_or(|at| key.created_at < at)
        && filter.created_after.is_none_or(|at| key.created_at >= at)
}

fn found_in(text: &str, term: &str) -> bool {
    text.to_lowercase().contains(&term.to_lowercase())
}

/// The order of a list, as a value that sorts.
fn order(record: &KeyRecord, sort: KeySort) -> (i64, String, KeyId) {
    let key = &record.key;
    let milliseconds = |at: Option<Timestamp>| at.map(Timestamp::milliseconds);
    let (number, text) = match sort {
        KeySort::CreatedAt => (key.created_at.milliseconds(), String::new()),
        KeySort::Name => (
            0,
            key.attributes
                .name
                .clone()
                .unwrap_or_default()
                .to_lowercase(),
        ),
        KeySort::LastUsed => (
            milliseconds(record.last_used_at).unwrap_or(0),
            String::new(),
        ),
        KeySort::ExpiresAt => (
            milliseconds(key.expires_at).unwrap_or(i64::MAX),
            String::new(),
        ),
    };
    (number, text, key.id)
}

fn sorted(
    records: &[KeyRecord],
    filter: &KeyFilter,
    sort: KeySort,
    descending: bool,
) -> Vec<KeyId> {
    let found = records.iter().filter(|record| matches(filter, record));
    let ordered: BTreeMap<_, _> = found.map(|it| (order(it, sort), it.key.id)).collect();
    let ids = ordered.into_values();
    if descending {
        ids.rev().collect()
    } else {
        ids.collect()
    }
}

const SORTS: [KeySort; 4] = [
    KeySort::CreatedAt,
    KeySort::Name,
    KeySort::LastUsed,
    KeySort::ExpiresAt,
];

fn filters(users: &[User], records: &[KeyRecord]) -> Vec<KeyFilter> {
    let none = KeyFilter::default;
    let search = |term: &str| KeyFilter {
        search: Some(term.into()),
        ..none()
    };
    let mut filters = vec![none()];
    for moment in [
        NOW,
        NOW.plus_milliseconds(-1),
        NOW.plus_milliseconds(1),
        NOW.plus_days(9),
    ] {
        let status = |status: &Status| KeyFilter {
            status: Some((*status, moment)),
            ..none()
        };
        filters.extend(Status::ALL.iter().map(status));
    }
    filters.extend(Kind::ALL.iter().map(|kind| KeyFilter {
        kind: Some(*kind),
        ..none()
    }));
    filters.extend(Format::ALL.iter().map(|it| KeyFilter {
        format: Some(*it),
        ..none()
    }));
    for grant in ["api:read", "api:*", "api:other"] {
        filters.push(KeyFilter {
            scope: Some(grant.parse().unwrap()),
            ..none()
        });
    }
    for tag in ["red", "big", "\",", ",", "re", "r\0ed"] {
        filters.push(KeyFilter {
            tag: Some(tag.into()),
            ..none()
        });
    }
    let middle = NOW.plus_milliseconds(2);
    filters.extend([
        KeyFilter {
            environment: Some("staging".parse().unwrap()),
            ..none()
        },
        KeyFilter {
            role: Some("read-only".parse().unwrap()),
            ..none()
        },
        KeyFilter {
            owner: Some(users[1].id),
            ..none()
        },
        KeyFilter {
            external_id: Some("customer-7".into()),
            ..none()
        },
        KeyFilter {
            last_used: Some(LastUsed::Never),
            ..none()
        },
        KeyFilter {
            last_used: Some(LastUsed::Before(middle)),
            ..none()
        },
        KeyFilter {
            last_used: Some(LastUsed::After(middle)),
            ..none()
        },
        KeyFilter {
            expires_before: Some(NOW.plus_milliseconds(1)),
            ..none()
        },
        KeyFilter {
            expires_after: Some(NOW.plus_milliseconds(1)),
            ..none()
        },
        KeyFilter {
            created_before: Some(NOW.plus_milliseconds(7)),
            ..none()
        },
        KeyFilter {
            created_after: Some(NOW.plus_milliseconds(7)),
            ..none()
        },
        KeyFilter {
            kind: Some(Kind::User),
            owner: Some(users[0].id),
            tag: Some("red".into()),
            search: Some("a".into()),
            ..none()
        },
    ]);
    for term in [
        "a", "al", "ALPHA", "\u{e4}rg", "50%_\\", "%", "_", "%_\\", "...", "G", "customer", "0012",
        "no such",
    ] {
        filters.push(search(term));
    }
    let id = records[5].key.id.to_string();
    filters.extend([
        search(&id),
        search(&id[..20]),
        search("key-"),
        search("key-~"),
        search("a\0"),
    ]);
    filters
}

async fn every_filter_and_order_agrees_with_the_model(fixture: &Fixture) {
    let mut samples = Samples::new(20);
    let (tenant, users, records) = fill(fixture, &mut samples).await;
    for filter in filters(&users, &records) {
        for sort in SORTS {
            for descending in [false, true] {
                let expected = sorted(&records, &filter, sort, descending);
                let request = PageRequest {
                    sort,
                    descending,
                    start: Start::Offset(0),
                    limit: 200,
                };
                let page = fixture
                    .store
                    .keys_page(tenant, &filter, &request)
                    .await
                    .unwrap();
                let found: Vec<_> = page.items.iter().map(|record| record.key.id).collect();
                assert_eq!(found, expected, "{filter:?} {sort:?} {descending}");
                assert_eq!(
                    page.total,
                    Total::Exact(expected.len() as u64),
                    "{filter:?}"
                );
                assert_eq!(page.next, None);
            }
        }
    }
    let request = PageRequest::newest(KeySort::CreatedAt, 200);
    let page = fixture
        .store
        .keys_page(tenant, &KeyFilter::default(), &request)
        .await
        .unwrap();
    for record in page.items {
        assert!(records.contains(&record), "{record:?}");
    }
}

async fn pages_cover_the_list_without_gap_or_repeat(fixture: &Fixture) {
    let mut samples = Samples::new(21);
    let (tenant, _, records) = fill(fixture, &mut samples).await;
    let filter = KeyFilter {
        format: Some(Format::Opaque),
        ..KeyFilter::default()
    };
    for filter in [KeyFilter::default(), filter] {
        for sort in SORTS {
            for descending in [false, true] {
                let expected = sorted(&records, &filter, sort, descending);
                let mut found = Vec::new();
                let mut start = Start::Offset(0);
                loop {
                    let request = PageRequest {
                        sort,
                        descending,
                        start,
                        limit: 7,
                    };
                    let page = fixture
                        .store
                        .keys_page(tenant, &filter, &request)
                        .await
                        .unwrap();
                    assert!(page.items.len() <= 7);
                    found.extend(page.items.iter().map(|record| record.key.id));
                    let Some(next) = page.next else { break };
                    let is_text = matches!(next.value, CursorValue::Text(_));
                    assert_eq!(is_text, sort == KeySort::Name);
                    start = Start::After(next);
                }
                assert_eq!(found, expected, "{sort:?} {descending}");

                let start = Start::Offset(5);
                let request = PageRequest {
                    sort,
                    descending,
                    start,
                    limit: 3,
                };
                let page = fixture
                    .store
                    .keys_page(tenant, &filter, &request)
                    .await
                    .unwrap();
                let found: Vec<_> = page.items.iter().map(|record| record.key.id).collect();
                assert_eq!(found, expected[5..8]);
            }
        }
    }
    // Beyond the end there is nothing; a page of nothing is a page of one.
    for (start, limit, rows) in [(10_000, 7, 0), (u64::MAX, 7, 0), (0, 0, 1), (0, 1_000, 108)] {
        let start = Start::Offset(start);
        let request = PageRequest {
            sort: KeySort::Name,
            descending: false,
            start,
            limit,
        };
        let filter = KeyFilter::default();
        let page = fixture
            .store
            .keys_page(tenant, &filter, &request)
            .await
            .unwrap();
        assert_eq!(page.items.len(), rows);
    }
    // A cursor of another order's kind finds nothing strange, and is no error.
    for (sort, value) in [
        (KeySort::Name, CursorValue::Number(5)),
        (KeySort::CreatedAt, CursorValue::Text("x\0".into())),
    ] {
        let cursor = keywright_store::Cursor {
            value,
            id: "\0".into(),
        };
        let start = Start::After(cursor);
        let request = PageRequest {
            sort,
            descending: false,
            start,
            limit: 7,
        };
        fixture
            .store
            .keys_page(tenant, &KeyFilter::default(), &request)
            .await
            .unwrap();
    }
}

/// Keys enough that SQLite asks its trigrams.
const MANY: usize = 2_600;

async fn a_search_over_many_keys_finds_what_it_should(fixture: &Fixture) {
    let mut samples = Samples::new(22);
    let (ours, theirs) = (samples.tenant("ours"), samples.tenant("theirs"));
    let mut changes = vec![create_tenant(&ours), create_tenant(&theirs)];
    for number in 0..MANY {
        let mut key = samples.key(ours.id);
        key.created_at = NOW.plus_milliseconds(i64::try_from(number).unwrap());
        let even = if number % 2 == 0 {
            "even"
        } else {
            "\u{dc}neven"
        };
        key.attributes.name = Some(format!("Service {number:05} {even}"));
        changes.push(samples.creation(key));
    }
    for _ in 0..50 {
        let key = samples.key(theirs.id);
        changes.push(samples.creation(key));
    }
    let mut tx = fixture.store.begin().await.unwrap();
    tx.apply_all(&changes).await.unwrap();
    tx.commit(&Actor::operator(), NOW).await.unwrap();

    let names = |records: Vec<KeyRecord>| -> Vec<String> {
        records
            .into_iter()
            .filter_map(|record| record.key.attributes.name)
            .collect()
    };
    for sort in SORTS {
        let request = PageRequest {
            sort,
            descending: true,
            start: Start::Offset(0),
            limit: 5,
        };
        let search = |term: &str| KeyFilter {
            search: Some(term.into()),
            ..KeyFilter::default()
        };
        let rare = fixture
            .store
            .keys_page(ours.id, &search("01234"), &request)
            .await
            .unwrap();
        assert_eq!(
            (names(rare.items), rare.total),
            (vec!["Service 01234 even".into()], Total::Exact(1))
        );
        let some = fixture
            .store
            .keys_page(ours.id, &search("E 012"), &request)
            .await
            .unwrap();
        assert_eq!((some.items.len(), some.total), (5, Total::Exact(100)));
        // Folded as Unicode says, not only as ASCII does.
        let half = fixture
            .store
            .keys_page(ours.id, &search("\u{fc}NEVEN"), &request)
            .await
            .unwrap();
        assert_eq!(
            (half.items.len(), half.total),
            (5, Total::Exact(MANY as u64 / 2))
        );
        assert!(
            names(half.items)
                .iter()
                .all(|name| name.ends_with("\u{dc}neven"))
        );
        // Words of the index's own language are only text.
        for term in [
            "\"",
            "even\" OR \"x",
            "NOT even",
            "searched:even",
            "ev*",
            "e\0ven",
            "even\0",
        ] {
            let page = fixture
                .store
                .keys_page(ours.id, &search(term), &request)
                .await
                .unwrap();
            assert_eq!(page.total, Total::Exact(0), "{term:?}");
        }
    }
    // The index follows changes and deletions.
    let search = KeyFilter {
        search: Some("01234".into()),
        ..KeyFilter::default()
    };
    let request = PageRequest::newest(KeySort::CreatedAt, 5);
    let page = fixture
        .store
        .keys_page(ours.id, &search, &request)
        .await
        .unwrap();
    let key = page.items[0].key.clone();
    let mut attributes = key.attributes.clone();
    attributes.name = Some("Renamed".into());
    let update = key.update(attributes, None).unwrap();
    let renamed = (*update.after.clone().unwrap()).clone();
    fixture.change(&[crate::samples::of_key(update)]).await;
    let found = async |term: &str| {
        let search = KeyFilter {
            search: Some(term.into()),
            ..KeyFilter::default()
        };
        fixture
            .store
            .keys_page(ours.id, &search, &request)
            .await
            .unwrap()
            .total
            .count()
    };
    assert_eq!((found("01234").await, found("renamed").await), (0, 1));
    fixture
        .change(&[crate::samples::of_key(
            renamed.delete(None, true, NOW).unwrap(),
        )])
        .await;
    assert_eq!(found("renamed").await, 0);
    // With the tenant, everything of it goes.
    fixture
        .change(&[Change::Tenant(Edit::delete(ours.clone()))])
        .await;
    assert_eq!(found("even").await, 0);
}

async fn totals_of_long_filtered_lists_are_bounded(fixture: &Fixture) {
    let mut samples = Samples::new(23);
    let tenant = samples.tenant("ours");
    fixture.change(&[create_tenant(&tenant)]).await;
    let many = usize::try_from(COUNT_MAX).unwrap() + 1;
    let mut tx = fixture.store.begin().await.unwrap();
    let mut changes = Vec::new();
    for _ in 0..many {
        let key = samples.key(tenant.id);
        changes.push(samples.creation(key));
    }
    tx.apply_all(&changes).await.unwrap();
    tx.commit(&Actor::operator(), NOW).await.unwrap();
    let request = PageRequest::newest(KeySort::Name, 2);
    let all = fixture
        .store
        .keys_page(tenant.id, &KeyFilter::default(), &request)
        .await
        .unwrap();
    assert_eq!(all.total, Total::Exact(COUNT_MAX + 1));
    let search = KeyFilter {
        search: Some("bill".into()),
        ..KeyFilter::default()
    };
    let found = fixture
        .store
        .keys_page(tenant.id, &search, &request)
        .await
        .unwrap();
    assert_eq!(found.total, Total::AtLeast(COUNT_MAX));
    assert_eq!(found.items.len(), 2);
}
