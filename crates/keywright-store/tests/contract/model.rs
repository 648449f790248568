//! A naive model of lists: keys that differ in everything, filters of every kind, and what a list
//! should hold, said again in Rust.

use std::collections::BTreeMap;

use keywright_core::id::{KeyId, TenantId, UserId};
use keywright_core::key::{Format, Key, Kind, State, Status};
use keywright_core::time::Timestamp;
use keywright_core::user::User;
use keywright_store::{
    KeyFilter, KeyRecord, KeySort, LastUseRecord, LastUsed, Page, PageRequest, Start,
};

use crate::fixture::{Fixture, NOW};
use crate::samples::{Samples, create_tenant, create_user};

const NAMES: [Option<&str>; 6] = [
    None,
    Some("Alpha"),
    Some("alpha"),
    Some("\u{c4}rger"),
    Some("beta 50%_\\"),
    Some("Gamma"),
];

pub(crate) const SORTS: [KeySort; 4] = [
    KeySort::CreatedAt,
    KeySort::Name,
    KeySort::LastUsed,
    KeySort::ExpiresAt,
];

/// Fills two tenants with keys that differ in everything that a list may ask for.
pub(crate) async fn fill(
    fixture: &Fixture,
    samples: &mut Samples,
) -> (TenantId, Vec<User>, Vec<KeyRecord>) {
    let (ours, theirs) = (samples.tenant("ours"), samples.tenant("theirs"));
    let users = vec![
        samples.user("ada@example.com"),
        samples.user("bob@example.com"),
    ];
    let mut changes = vec![create_tenant(&ours), create_tenant(&theirs)];
    changes.extend(users.iter().map(create_user));
    let (mut records, mut uses) = (Vec::new(), Vec::new());
    for number in 0..120 {
        let tenant = if number % 10 == 9 { theirs.id } else { ours.id };
        let mut key = varied(samples, tenant);
        key.owner = *samples.one_of(&[None, Some(users[0].id), Some(users[1].id)]);
        key.hint = format!("kw_live_...{number:04}");
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
            let owner_email = email(&users, key.owner);
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

fn email(users: &[User], owner: Option<UserId>) -> Option<String> {
    users
        .iter()
        .find(|user| Some(user.id) == owner)
        .map(|user| user.email.clone())
}

fn varied(samples: &mut Samples, tenant: TenantId) -> Key {
    let mut key = samples.key(tenant);
    let soon = NOW.plus_milliseconds(1);
    key.created_at = NOW.plus_milliseconds(i64::try_from(samples.below(20)).unwrap());
    key.kind = *samples.one_of(Kind::ALL);
    key.format = *samples.one_of(Format::ALL);
    key.environment = samples.one_of(&["production", "staging"]).parse().unwrap();
    key.expires_at = *samples.one_of(&[None, Some(NOW), Some(soon), Some(NOW.plus_days(3))]);
    let revoked = State::Revoked {
        at: NOW,
        reason: None,
    };
    key.state = samples
        .one_of(&[State::Active, State::Disabled { at: NOW }, revoked])
        .clone();
    let attributes = &mut key.attributes;
    attributes.name = samples.one_of(&NAMES).map(Into::into);
    attributes.not_before = *samples.one_of(&[None, Some(NOW), Some(soon)]);
    let scopes = samples.one_of(&["", "api:read", "api:read api:write", "api:*"]);
    attributes.scopes = scopes
        .split_whitespace()
        .map(|grant| grant.parse().unwrap())
        .collect();
    let roles = samples.one_of(&["", "read-only"]);
    attributes.roles = roles
        .split_whitespace()
        .map(|role| role.parse().unwrap())
        .collect();
    let tags = samples.one_of(&["", "red", "red big", "\",", ","]);
    attributes.tags = tags.split_whitespace().map(Into::into).collect();
    attributes.external_id = samples.one_of(&[None, Some("customer-7")]).map(Into::into);
    key
}

/// A page of a list, which must be answered.
pub(crate) async fn page(
    fixture: &Fixture,
    tenant: TenantId,
    filter: &KeyFilter,
    request: &PageRequest<KeySort>,
) -> Page<KeyRecord> {
    fixture
        .store
        .keys_page(tenant, filter, request)
        .await
        .unwrap()
}

pub(crate) fn request(
    sort: KeySort,
    descending: bool,
    start: Start,
    limit: u32,
) -> PageRequest<KeySort> {
    PageRequest {
        sort,
        descending,
        start,
        limit,
    }
}

pub(crate) fn search(term: &str) -> KeyFilter {
    KeyFilter {
        search: Some(term.into()),
        ..KeyFilter::default()
    }
}

pub(crate) fn ids(records: &[KeyRecord]) -> Vec<KeyId> {
    records.iter().map(|record| record.key.id).collect()
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

pub(crate) fn sorted(
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

/// Filters of every kind, and some together.
pub(crate) fn filters(users: &[User], records: &[KeyRecord]) -> Vec<KeyFilter> {
    let none = KeyFilter::default;
    let mut filters = vec![none()];
    for moment in [-1, 0, 1, 9 * 86_400_000].map(|ms| NOW.plus_milliseconds(ms)) {
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
    let scope = |it: &str| KeyFilter {
        scope: Some(it.parse().unwrap()),
        ..none()
    };
    filters.extend(["api:read", "api:*", "api:other"].map(scope));
    let tag = |it: &str| KeyFilter {
        tag: Some(it.into()),
        ..none()
    };
    filters.extend(["red", "big", "\",", ",", "re", "r\0ed"].map(tag));
    let owner = |user: &User| KeyFilter {
        owner: Some(user.id),
        ..none()
    };
    filters.extend(users.iter().map(owner));
    filters.push(KeyFilter {
        environment: Some("staging".parse().unwrap()),
        ..none()
    });
    filters.push(KeyFilter {
        role: Some("read-only".parse().unwrap()),
        ..none()
    });
    filters.push(KeyFilter {
        external_id: Some("customer-7".into()),
        ..none()
    });
    let both = KeyFilter {
        tag: Some("red".into()),
        search: Some("a".into()),
        ..owner(&users[0])
    };
    filters.push(KeyFilter {
        kind: Some(Kind::User),
        ..both
    });
    filters.extend(moments());
    let terms = [
        "a", "al", "ALPHA", "\u{e4}rg", "50%_\\", "%", "_", "%_\\", "...", "G", "customer", "0012",
        "no such", "key-", "key-~", "a\0",
    ];
    filters.extend(terms.map(search));
    let id = records[5].key.id.to_string();
    filters.extend([search(&id), search(&id[..20])]);
    filters
}

fn moments() -> Vec<KeyFilter> {
    let none = KeyFilter::default;
    let at = |ms| NOW.plus_milliseconds(ms);
    vec![
        KeyFilter {
            last_used: Some(LastUsed::Never),
            ..none()
        },
        KeyFilter {
            last_used: Some(LastUsed::Before(at(2))),
            ..none()
        },
        KeyFilter {
            last_used: Some(LastUsed::After(at(2))),
            ..none()
        },
        KeyFilter {
            expires_before: Some(at(1)),
            ..none()
        },
        KeyFilter {
            expires_after: Some(at(1)),
            ..none()
        },
        KeyFilter {
            created_before: Some(at(7)),
            ..none()
        },
        KeyFilter {
            created_after: Some(at(7)),
            ..none()
        },
    ]
}
