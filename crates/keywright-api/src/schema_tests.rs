//! The API document's view of the wire types: every reference resolves, and the bounds that the
//! schemas state are those that the checks apply.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use keywright_core::limits;
use keywright_core::restriction::RULES_MAX;
use keywright_core::time::LAST_SECOND;
use serde_json::Value;
use utoipa::OpenApi;

use crate::{
    answer, audit, error, health, key, role, scope, session, signing_key, tenant, user, verify,
};

#[derive(OpenApi)]
#[openapi(components(schemas(
    answer::SuccessBody,
    audit::AuditEntry,
    audit::AuditHead,
    audit::AuditReport,
    error::ErrorBody,
    health::HealthBody,
    key::CreateKey,
    key::CreatedKey,
    key::KeyBody,
    key::RevokeKey,
    key::UpdateKey,
    role::CreateRole,
    role::RoleBody,
    role::UpdateRole,
    scope::CreateScope,
    scope::ScopeBody,
    scope::UpdateScope,
    session::ChangePassword,
    session::CookieSession,
    session::Login,
    session::MeBody,
    session::Refresh,
    session::SessionBody,
    session::Setup,
    session::TokenBody,
    signing_key::SigningKeyBody,
    tenant::CreateTenant,
    tenant::TenantBody,
    tenant::UpdateTenant,
    user::AcceptInvitation,
    user::CreateUser,
    user::CreatedInvitation,
    user::InvitationBody,
    user::UpdateUser,
    user::UserBody,
    verify::BatchAnswer,
    verify::BatchRequest,
    verify::VerifyAnswer,
    verify::VerifyRequest,
)))]
struct Document;

fn schemas() -> Value {
    let document = serde_json::to_value(Document::openapi()).unwrap();
    document["components"]["schemas"].clone()
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.push(target.clone());
            }
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn every_reference_resolves() {
    let schemas = schemas();
    let mut found = Vec::new();
    references(&schemas, &mut found);
    assert!(found.len() > 30, "{}", found.len());
    for target in found {
        let name = target.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.get(name).is_some(), "{target}");
    }
}

#[test]
fn stated_bounds_are_the_applied_ones() {
    let schemas = schemas();
    for request in ["CreateKey", "UpdateKey"] {
        let bound = |field: &str, keyword: &str| {
            let bound = &schemas[request]["properties"][field][keyword];
            bound
                .as_u64()
                .unwrap_or_else(|| unreachable!("{request}.{field}.{keyword}"))
        };
        let size = |bytes: usize| u64::try_from(bytes).unwrap();
        assert_eq!(bound("name", "maxLength"), size(limits::NAME_BYTES_MAX));
        assert_eq!(
            bound("description", "maxLength"),
            size(limits::DESCRIPTION_BYTES_MAX)
        );
        assert_eq!(
            bound("external_id", "maxLength"),
            size(limits::EXTERNAL_ID_BYTES_MAX)
        );
        assert_eq!(bound("scopes", "maxItems"), size(limits::GRANTS_MAX));
        assert_eq!(bound("roles", "maxItems"), size(limits::KEY_ROLES_MAX));
        assert_eq!(bound("tags", "maxItems"), size(limits::TAGS_MAX));
        assert_eq!(bound("ip_allow", "maxItems"), size(RULES_MAX));
        assert_eq!(bound("ip_deny", "maxItems"), size(RULES_MAX));
        for list in [
            "referrers",
            "android_apps",
            "ios_bundles",
            "countries_allow",
            "networks_deny",
        ] {
            assert_eq!(bound(list, "maxItems"), size(limits::RESTRICTIONS_MAX));
        }
        assert_eq!(
            bound("time_windows", "maxItems"),
            size(limits::TIME_WINDOWS_MAX)
        );
        assert_eq!(
            bound("expires_in_days", "maximum"),
            u64::from(limits::EXPIRY_DAYS_MAX)
        );
        assert_eq!(
            bound("expires_at", "maximum"),
            u64::try_from(LAST_SECOND).unwrap()
        );
    }
    let batch = &schemas["BatchRequest"]["properties"]["checks"]["maxItems"];
    assert_eq!(batch.as_u64(), u64::try_from(verify::BATCH_MAX).ok());
}

#[test]
fn requests_refuse_unknown_fields_and_updates_require_none() {
    let schemas = schemas();
    for (name, schema) in schemas.as_object().unwrap() {
        let request = ["Create", "Update", "Revoke", "Accept", "Change"]
            .iter()
            .any(|verb| name.starts_with(verb) && !name.starts_with("Created"));
        if request {
            assert_eq!(schema["additionalProperties"], Value::Bool(false), "{name}");
        }
        if name.starts_with("Update") && name != "UpdateExpiryRule" {
            assert!(
                schema.get("required").is_none(),
                "{name}: {}",
                schema["required"]
            );
        }
    }
}

#[test]
fn the_answer_of_a_check_lists_every_member_and_requires_only_the_common_ones() {
    let answer = &schemas()["VerifyAnswer"];
    for member in [
        "error_description",
        "required",
        "key_id",
        "metadata",
        "steps",
        "warnings",
    ] {
        assert!(answer["properties"].get(member).is_some(), "{member}");
    }
    assert_eq!(
        answer["required"],
        serde_json::json!(["valid", "code", "warnings", "request_id"])
    );
}

#[test]
fn passwords_and_secrets_are_plain_strings_in_the_document() {
    let schemas = schemas();
    assert_eq!(
        schemas["Login"]["properties"]["password"]["format"],
        "password"
    );
    assert_eq!(
        schemas["Tokens"]["properties"]["access_token"]["type"],
        "string"
    );
}
