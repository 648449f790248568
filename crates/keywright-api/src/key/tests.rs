//! What a wish for a key may say, what is said of every field that is wrong, and how keys are shown.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use keywright_core::id::{KeyId, TenantId, UserId};
use keywright_core::key::{Attributes, Format, Key, Kind, Purpose, State};
use keywright_core::policy::ExpiryRefusal;
use keywright_core::secret::Secret;
use keywright_core::time::LAST_SECOND;

use super::*;
use crate::error::Detail;
use crate::json;

fn create(body: &str) -> Result<NewKey, Vec<Detail>> {
    json::parse::<CreateKey>(body.as_bytes())
        .unwrap()
        .validate()
}

/// Every wrong field as `path: problem`.
fn faults<T>(result: Result<T, Vec<Detail>>) -> Vec<String> {
    let Err(details) = result else {
        return Vec::new();
    };
    assert!(details.iter().all(|detail| !detail.fix.is_empty()));
    details
        .into_iter()
        .map(|detail| format!("{}: {}", detail.path, detail.problem))
        .collect()
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(prefix: &str) -> T {
    format!("{prefix}-550e8400-e29b-41d4-a716-446655440000")
        .parse()
        .unwrap()
}

fn key() -> Key {
    Key {
        id: id::<KeyId>("key"),
        tenant: id::<TenantId>("tenant"),
        lineage: id::<KeyId>("key"),
        format: Format::Opaque,
        kind: Kind::Application,
        purpose: None,
        hint: "kw_live_••••••a1B2".into(),
        environment: "production".parse().unwrap(),
        owner: Some(id::<UserId>("user")),
        attributes: Attributes {
            name: Some("CI/CD Pipeline Key".into()),
            scopes: ["api:read", "api:write", "deploy:production"]
                .map(|scope| scope.parse().unwrap())
                .into(),
            ..Attributes::default()
        },
        created_at: Timestamp::from_seconds(1_705_416_000).unwrap(),
        expires_at: Timestamp::from_seconds(1_713_192_000),
        state: State::Active,
        version: 1,
    }
}

const NOW: Timestamp = Timestamp::from_milliseconds(1_705_500_000_999);

/// What follows the fields that older clients know.
const MORE: &str = concat!(
    r#""status":"active","hint":"kw_live_••••••a1B2","kind":"application","purpose":null,"#,
    r#""format":"opaque","environment":"production","description":null,"roles":[],"#,
    r#""owner":{"id":"user-550e8400-e29b-41d4-a716-446655440000","email":"ada@example.com"},"#,
    r#""external_id":null,"tags":[],"metadata":{},"ip_allow":[],"ip_deny":[],"referrers":[],"#,
    r#""android_apps":[],"ios_bundles":[],"countries_allow":[],"countries_deny":[],"#,
    r#""networks_allow":[],"networks_deny":[],"time_windows":[],"paused_until":null,"not_before":null,"#,
    r#""disabled_at":null,"revoked_at":null,"revoke_reason":null,"last_address":null,"#,
    r#""lineage":"key-550e8400-e29b-41d4-a716-446655440000","version":1"#,
);

fn view() -> KeyView<'static> {
    KeyView {
        owner_email: Some("ada@example.com"),
        ..KeyView::default()
    }
}

#[test]
fn a_new_key_is_answered_to_the_letter() {
    let created = KeyBody::new(&key(), view(), NOW).disclosing(Secret::new("the key".into()), None);
    let seed = concat!(
        r#"{"id":"key-550e8400-e29b-41d4-a716-446655440000","name":"CI/CD Pipeline Key","#,
        r#""api_key":"the key","scopes":["api:read","api:write","deploy:production"],"#,
        r#""created_at":1705416000,"expires_at":1713192000,"last_used":null,"revoked":false"#,
    );
    assert_eq!(
        serde_json::to_string(&created).unwrap(),
        format!("{seed},{MORE}}}")
    );
}

#[test]
fn a_new_pair_shows_its_secret_too() {
    let created = KeyBody::new(&key(), view(), NOW).disclosing(
        Secret::new("public".into()),
        Some(Secret::new("hidden".into())),
    );
    let text = serde_json::to_string(&created).unwrap();
    assert!(text.ends_with(r#","api_secret":"hidden"}"#), "{text}");
}

#[test]
fn a_listed_key_is_shown_to_the_letter() {
    let view = KeyView {
        last_used_at: Some(NOW),
        ..view()
    };
    let seed = concat!(
        r#"{"id":"key-550e8400-e29b-41d4-a716-446655440000","name":"CI/CD Pipeline Key","#,
        r#""scopes":["api:read","api:write","deploy:production"],"#,
        r#""created_at":1705416000,"expires_at":1713192000,"last_used":1705500000,"revoked":false"#,
    );
    let text = serde_json::to_string(&KeyBody::new(&key(), view, NOW)).unwrap();
    assert_eq!(text, format!("{seed},{MORE}}}"));
}

#[test]
fn a_revoked_key_says_when_and_why() {
    let state = State::Revoked {
        at: NOW,
        reason: Some("leaked".into()),
    };
    let body = KeyBody::new(&Key { state, ..key() }, view(), NOW);
    assert!(body.details.revoked && body.details.status == "revoked");
    assert_eq!(body.details.revoked_at, Some(1_705_500_000));
    assert_eq!(body.details.revoke_reason.as_deref(), Some("leaked"));
}

#[test]
fn an_empty_wish_takes_every_default() {
    let new = create("{}").unwrap();
    assert_eq!(new.attributes, Attributes::default());
    assert_eq!(
        (new.kind, new.purpose, new.format),
        (Kind::Application, None, None)
    );
    assert_eq!((new.expiry, new.active), (ExpiryWish::Default, true));
    assert!(new.environment.is_none() && new.owner.is_none() && new.value.is_none());
    // `null` is the same as leaving out.
    assert!(create(r#"{"name":null,"scopes":null,"metadata":null,"active":null}"#).is_ok());
}

#[test]
fn the_wish_of_the_seed_is_understood() {
    let new = create(
        r#"{"name":"CI/CD Pipeline Key","scopes":["api:read","api:write","deploy:production"],
            "expires_in_days":90}"#,
    )
    .unwrap();
    assert_eq!(new.attributes.name, key().attributes.name);
    assert_eq!(new.attributes.scopes, key().attributes.scopes);
    assert_eq!(new.expiry, ExpiryWish::Days(90));
    assert_eq!(
        create(r#"{"expires_in_days":0}"#).unwrap().expiry,
        ExpiryWish::Never
    );
}

#[test]
fn every_field_of_a_wish_is_understood() {
    let new = create(
        r#"{"name":" n ","description":"a\n\tb","kind":"user","purpose":"automation","format":"custom",
            "environment":"staging","scopes":["a:b"],"roles":["deployer"],"expires_at":2000000000,
            "not_before":1999999999,"active":false,
            "owner":"user-550e8400-e29b-41d4-a716-446655440000","external_id":"c-1","tags":["x y"],
            "metadata":{"n":12345678901234567890123},"ip_allow":["203.0.113.0/24"],
            "ip_deny":["203.0.113.7"],"api_key":"hunter2"}"#,
    )
    .unwrap();
    assert_eq!(new.attributes.name.as_deref(), Some("n"));
    assert_eq!(new.attributes.description.as_deref(), Some("a\n\tb"));
    assert_eq!(
        (new.kind, new.purpose),
        (Kind::User, Some(Purpose::Automation))
    );
    assert_eq!(new.format, Some(Format::Custom));
    assert_eq!(new.environment.unwrap().as_str(), "staging");
    assert_eq!(
        new.expiry,
        ExpiryWish::At(Timestamp::from_seconds(2_000_000_000).unwrap())
    );
    assert_eq!(new.owner, Some(id("user")));
    assert_eq!(
        new.attributes.metadata.as_deref(),
        Some(r#"{"n":12345678901234567890123}"#)
    );
    assert_eq!(new.attributes.addresses.allow.len(), 1);
    assert_eq!(new.attributes.addresses.deny.len(), 1);
    assert_eq!(new.value.unwrap().expose(), "hunter2");
    assert!(!new.active);
}

#[test]
fn every_problem_is_named_in_one_answer() {
    let found = faults(create(
        r#"{"name":"a\u0000","description":"a\u0007","kind":"robot","purpose":"none","format":"pgp",
            "environment":"No Such","owner":"ada","scopes":["a:b","","a:b"],"roles":["a","a"],
            "tags":["",""],"external_id":"a\nb","metadata":[1],"not_before":-1,"expires_in_days":36501,
            "ip_allow":["nonsense"],"ip_deny":["10.0.0.1/99"]}"#,
    ));
    for path in [
        "name",
        "description",
        "kind",
        "purpose",
        "format",
        "environment",
        "owner",
        "scopes[1]",
        "scopes[2]",
        "roles[1]",
        "tags[0]",
        "tags[1]",
        "external_id",
        "metadata",
        "not_before",
        "expires_in_days",
        "ip_allow[0]",
        "ip_deny[0]",
    ] {
        assert!(
            found
                .iter()
                .any(|fault| fault.starts_with(&format!("{path}: "))),
            "{path}"
        );
    }
    assert_eq!(found.len(), 18, "{found:#?}");
}

#[test]
fn problems_read_well() {
    let one = |body: &str, fault: &str| assert_eq!(faults(create(body)), [fault], "{body}");
    one(r#"{"name":"a\u202eb"}"#, "name: has control characters");
    one(
        r#"{"kind":"robot"}"#,
        "kind: is not one of the known values",
    );
    one(
        r#"{"kind":"user","purpose":"backup"}"#,
        "purpose: belongs to the kind `system`",
    );
    one(r#"{"format":"custom"}"#, "api_key: is missing");
    one(
        r#"{"api_key":"x"}"#,
        "api_key: is only for keys of the format `custom`",
    );
    one(
        r#"{"scopes":["a:b","a:b"]}"#,
        "scopes[1]: stands twice in the list",
    );
    one(r#"{"metadata":"x"}"#, "metadata: is not an object");
    one(
        r#"{"not_before":1713192000000}"#,
        "not_before: is not a moment between 1970 and 9999",
    );
    one(
        r#"{"not_before":9,"expires_at":9}"#,
        "not_before: is not before the expiry",
    );
    one(
        r#"{"expires_at":9,"expires_in_days":9}"#,
        "expires_at: stands next to `expires_in_days`",
    );
}

#[test]
fn numbers_are_bounded_exactly() {
    let days = |days: i64| create(&format!(r#"{{"expires_in_days":{days}}}"#)).is_ok();
    assert_eq!(
        [-1, 0, 1, 36_500, 36_501].map(days),
        [false, true, true, true, false]
    );
    assert!(!days(i64::MAX) && !days(i64::MIN) && !days(i64::from(u32::MAX) + 1));
    let at = |at: i64| create(&format!(r#"{{"expires_at":{at}}}"#)).is_ok();
    assert_eq!(
        [-1, 0, LAST_SECOND, LAST_SECOND + 1].map(at),
        [false, true, true, false]
    );
}

#[test]
fn texts_and_lists_are_bounded_exactly() {
    let text = |field: &str, bytes: usize| {
        create(&format!(r#"{{"{field}":"{}"}}"#, "x".repeat(bytes))).is_ok()
    };
    for (field, most) in [("name", 200), ("description", 2_000), ("external_id", 256)] {
        assert!(text(field, most) && !text(field, most + 1), "{field}");
    }
    let list = |field: &str, count: usize, entry: &dyn Fn(usize) -> String| {
        let entries: Vec<String> = (0..count).map(|n| format!("\"{}\"", entry(n))).collect();
        create(&format!(r#"{{"{field}":[{}]}}"#, entries.join(","))).is_ok()
    };
    let scope = |n| format!("a:b{n}");
    assert!(list("scopes", 200, &scope) && !list("scopes", 201, &scope));
    let name = |n| format!("r{n}");
    assert!(list("roles", 32, &name) && !list("roles", 33, &name));
    assert!(list("tags", 32, &name) && !list("tags", 33, &name));
    let address = |n| format!("10.0.{}.{}", n / 256, n % 256);
    assert!(list("ip_allow", 256, &address) && !list("ip_allow", 257, &address));
    let metadata = |bytes: usize| {
        create(&format!(
            r#"{{"metadata":{{"a":"{}"}}}}"#,
            "x".repeat(bytes - 8)
        ))
        .is_ok()
    };
    assert!(metadata(16 * 1024) && !metadata(16 * 1024 + 1));
}

#[test]
fn unknown_and_repeated_fields_are_refused() {
    let refused = |body: &str| {
        json::parse::<CreateKey>(body.as_bytes())
            .unwrap_err()
            .detail
    };
    let unknown = refused(r#"{"scope":["a:b"]}"#);
    assert_eq!(
        (unknown.path.as_str(), unknown.problem.as_str()),
        ("scope", "the field `scope` is not known")
    );
    assert!(unknown.fix.contains("`scopes`"));
    assert_eq!(refused(r#"{"metadata":{"a":1,"a":2}}"#).path, "metadata.a");
    assert_eq!(
        refused(r#"{"api_key":["hunter2"]}"#).problem,
        "is not a string"
    );
}

#[test]
fn neither_debug_nor_a_problem_shows_a_custom_value() {
    let wish: CreateKey =
        json::parse(br#"{"format":"custom","api_key":"hunter2","name":"n"}"#).unwrap();
    assert!(!format!("{wish:?}").contains("hunter2"));
    assert!(!format!("{:?}", wish.validate().unwrap()).contains("hunter2"));
    let wish: CreateKey = json::parse(br#"{"api_key":"hunter2"}"#).unwrap();
    assert!(!format!("{:?}", wish.validate().unwrap_err()).contains("hunter2"));
}

fn update(body: &str) -> Result<KeyEdit, Vec<Detail>> {
    let mut key = key();
    key.attributes.not_before = Timestamp::from_seconds(1_705_416_000);
    json::parse::<UpdateKey>(body.as_bytes())
        .unwrap()
        .validate(&key)
}

#[test]
fn an_update_leaves_what_it_does_not_mention() {
    let edit = update("{}").unwrap();
    assert_eq!(edit.attributes.scopes, key().attributes.scopes);
    assert_eq!(edit.attributes.name, key().attributes.name);
    assert!(edit.attributes.not_before.is_some() && edit.expiry.is_none());
}

#[test]
fn an_update_sets_and_empties() {
    let edit = update(
        r#"{"name":null,"description":"d","scopes":[],"metadata":{"a":1},"not_before":null,
            "expires_at":null,"tags":["t"],"ip_allow":["10.0.0.1"]}"#,
    )
    .unwrap();
    assert_eq!(edit.attributes.name, None);
    assert_eq!(edit.attributes.description.as_deref(), Some("d"));
    assert!(edit.attributes.scopes.is_empty() && edit.attributes.not_before.is_none());
    assert_eq!(edit.attributes.metadata.as_deref(), Some(r#"{"a":1}"#));
    assert_eq!(edit.attributes.addresses.allow.len(), 1);
    assert_eq!(edit.expiry, Some(ExpiryWish::Never));
    assert_eq!(
        update(r#"{"expires_in_days":1}"#).unwrap().expiry,
        Some(ExpiryWish::Days(1))
    );
}

#[test]
fn an_update_names_every_problem() {
    assert_eq!(
        faults(update(
            r#"{"scopes":null,"name":"a\u0000","ip_deny":["x"],"tags":["t","t"]}"#
        ))
        .len(),
        4
    );
    assert_eq!(
        faults(update(r#"{"expires_at":1705416000}"#)),
        ["not_before: is not before the expiry"]
    );
    assert_eq!(
        faults(update(r#"{"expires_at":null,"expires_in_days":1}"#)),
        ["expires_at: cannot be null"]
    );
}

#[test]
fn a_reason_is_trimmed_and_bounded() {
    let reason = |body: &str| {
        json::parse::<RevokeKey>(body.as_bytes())
            .unwrap()
            .validate()
    };
    assert_eq!(reason("{}"), Ok(None));
    assert_eq!(
        reason(r#"{"reason":" leaked "}"#),
        Ok(Some("leaked".into()))
    );
    assert!(reason(&format!(r#"{{"reason":"{}"}}"#, "x".repeat(2_001))).is_err());
}

#[test]
fn the_policy_speaks_at_the_field_that_asked() {
    let at = |wish, refusal| expiry_detail(wish, refusal).path;
    let long = ExpiryRefusal::TooLong { max_days: 7 };
    assert_eq!(at(ExpiryWish::At(NOW), ExpiryRefusal::Past), "expires_at");
    assert_eq!(at(ExpiryWish::Days(8), long), "expires_in_days");
    assert_eq!(
        at(ExpiryWish::Never, ExpiryRefusal::NeverForbidden),
        "expires_in_days"
    );
}
