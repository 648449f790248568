//! What tenants and their settings may be, and what is said of the rest.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use keywright_core::key::Format;
use keywright_core::time::Timestamp;
use keywright_core::token::Alphabet;
use keywright_core::token::jwt::SigningAlgorithm;

use super::*;
use crate::json;

fn tenant() -> Tenant {
    let slug: Slug = "acme".parse().unwrap();
    Tenant {
        id: "tenant-550e8400-e29b-41d4-a716-446655440000"
            .parse()
            .unwrap(),
        settings: Settings::new(&slug),
        slug,
        name: "Acme".into(),
        suspended_at: None,
        created_at: Timestamp::from_milliseconds(1_000),
        version: 1,
    }
}

fn update(body: &str) -> Result<TenantEdit, Vec<Detail>> {
    json::parse::<UpdateTenant>(body.as_bytes())
        .unwrap()
        .validate(&tenant())
}

fn paths<T>(result: Result<T, Vec<Detail>>) -> Vec<String> {
    result
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|detail| detail.path)
        .collect()
}

#[test]
fn a_new_tenant_needs_a_slug_and_a_name() {
    let create = |body: &str| {
        json::parse::<CreateTenant>(body.as_bytes())
            .unwrap()
            .validate()
    };
    let (slug, name) = create(r#"{"slug":"my-tenant","name":" Mine "}"#).unwrap();
    assert_eq!((slug.as_str(), name.as_str()), ("my-tenant", "Mine"));
    assert_eq!(
        paths(create(r#"{"slug":"My","name":" "}"#)),
        ["slug", "name"]
    );
}

#[test]
fn an_empty_update_changes_nothing() {
    let edit = update("{}").unwrap();
    let tenant = tenant();
    assert_eq!(
        edit,
        TenantEdit {
            name: tenant.name,
            settings: tenant.settings,
            suspended: None
        }
    );
}

#[test]
fn every_setting_is_understood() {
    let edit = update(
        r#"{"name":"New","suspended":true,"prefix":"acme","random_length":40,"alphabet":"hexadecimal",
            "default_format":"jwt","jwt_algorithm":"EdDSA","audience":"api","query_credentials":true,
            "environments":[{"name":"prod","tag":"live"},{"name":"qa","tag":"qa"}],
            "expiry":{"default_days":30,"never_allowed":false,
                      "rules":[{"purpose":"automation","environment":"qa","max_days":7}]}}"#,
    )
    .unwrap();
    assert_eq!((edit.name.as_str(), edit.suspended), ("New", Some(true)));
    let settings = edit.settings;
    assert_eq!(settings.opaque.prefix().as_str(), "acme");
    assert_eq!(settings.opaque.random_length(), 40);
    assert_eq!(settings.opaque.alphabet(), Alphabet::Hexadecimal);
    assert_eq!(settings.default_format, Format::Jwt);
    assert_eq!(settings.jwt_algorithm, SigningAlgorithm::EdDsa);
    assert_eq!(settings.audience, "api");
    assert!(settings.query_credentials);
    assert_eq!(settings.environments.len(), 2);
    assert_eq!(
        (settings.expiry.default_days, settings.expiry.never_allowed),
        (30, false)
    );
    let rule = settings.expiry.rules.first().unwrap();
    assert_eq!(
        (rule.purpose, rule.max_days),
        (Some(Purpose::Automation), 7)
    );
}

#[test]
fn every_problem_is_named() {
    let found = paths(update(
        r#"{"name":"","prefix":"K","random_length":129,"alphabet":"x","default_format":"custom",
            "jwt_algorithm":"none","audience":null,"environments":[{"name":"P","tag":"L"}],
            "expiry":{"default_days":-1,"never_allowed":null,
                      "rules":[{"purpose":"x","environment":"X","max_days":0}]}}"#,
    ));
    assert_eq!(
        found,
        [
            "prefix",
            "random_length",
            "alphabet",
            "default_format",
            "jwt_algorithm",
            "name",
            "audience",
            "environments[0].name",
            "environments[0].tag",
            "expiry.default_days",
            "expiry.never_allowed",
            "expiry.rules[0].purpose",
            "expiry.rules[0].environment",
            "expiry.rules[0].max_days",
        ]
    );
}

#[test]
fn settings_must_hold_together() {
    // 32 characters of the default are enough bits, but not of a smaller alphabet with fewer.
    assert_eq!(paths(update(r#"{"random_length":21}"#)), ["random_length"]);
    assert_eq!(paths(update(r#"{"environments":[]}"#)), ["environments"]);
    let twice =
        r#"{"environments":[{"name":"a","tag":"x"},{"name":"b","tag":"x"}],"expiry":{"rules":[]}}"#;
    assert_eq!(paths(update(twice)), ["environments"]);
    // The common policy has rules for environments that would be gone.
    let gone = r#"{"environments":[{"name":"production","tag":"live"}]}"#;
    assert_eq!(paths(update(gone)), ["expiry.rules"]);
}

#[test]
fn a_tenant_is_shown_with_its_settings() {
    let text = serde_json::to_string(&TenantBody::new(&tenant())).unwrap();
    let begin = concat!(
        r#"{"id":"tenant-550e8400-e29b-41d4-a716-446655440000","slug":"acme","name":"Acme","#,
        r#""suspended":false,"settings":{"prefix":"kw","random_length":32,"alphabet":"base62","#,
        r#""default_format":"opaque","jwt_algorithm":"RS256","audience":"acme","#,
        r#""environments":[{"name":"production","tag":"live"},"#,
    );
    assert!(text.starts_with(begin), "{text}");
    assert!(text.ends_with(r#"},"created_at":1,"version":1}"#), "{text}");
}
