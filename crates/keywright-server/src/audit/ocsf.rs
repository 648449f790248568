//! An audit entry as an event of OCSF, the Open Cybersecurity Schema Framework, which security
//! information systems read without a mapping of their own. Which class an action is, is core's to say.

use keywright_api::audit::{AuditEntry, AuditResult};
use keywright_core::audit::{OcsfClass, ocsf_class};
use serde_json::{Map, Value, json};

/// The release of the schema that these events follow.
const SCHEMA_VERSION: &str = "1.4.0";
/// Severity: informational; a failure is low. What is worse is an alert, not an entry of the trail.
const SEVERITY: (u8, u8) = (1, 2);
/// Status: success, failure.
const STATUS: (u8, u8) = (1, 2);
/// Type of an actor: a user, the system itself.
const ACTOR_TYPE: (u8, u8) = (1, 3);

/// The event of an entry that happened at `time_ms`.
pub(super) fn event(entry: &AuditEntry, time_ms: i64) -> Value {
    let class = ocsf_class(&entry.action);
    let failed = entry.result == AuditResult::Failure;
    let mut event = json!({
        "activity_id": class.activity_id,
        "category_uid": class.category_uid(),
        "class_uid": class.class_uid,
        "type_uid": class.type_uid(),
        "severity_id": if failed { SEVERITY.1 } else { SEVERITY.0 },
        "status_id": if failed { STATUS.1 } else { STATUS.0 },
        "time": time_ms,
        "message": entry.action,
        "metadata": {
            "version": SCHEMA_VERSION,
            "uid": entry.seq.to_string(),
            "product": {"name": "Keywright", "vendor_name": "Keywright", "version": env!("CARGO_PKG_VERSION")},
            "tenant_uid": entry.tenant,
            "correlation_uid": entry.request_id,
        },
        "actor": {"user": person(&entry.actor)},
        "unmapped": {"changes": entry.changes},
    });
    if let Some(members) = event.as_object_mut() {
        if let Some(address) = &entry.address {
            members.insert("src_endpoint".into(), json!({"ip": address}));
        }
        if let Some(agent) = &entry.user_agent {
            members.insert("http_request".into(), json!({"user_agent": agent}));
        }
        subject(members, class, entry);
    }
    event
}

/// What the class calls the thing that was acted on; each class demands its own.
fn subject(event: &mut Map<String, Value>, class: OcsfClass, entry: &AuditEntry) {
    let target = entry.target.as_deref();
    match class.class_uid {
        OcsfClass::ENTITY_MANAGEMENT => {
            let kind = target.and_then(|target| target.split_once('-'));
            let kind = kind.map_or("setting", |(kind, _)| kind);
            event.insert("entity".into(), json!({"uid": target, "type": kind}));
        }
        OcsfClass::API_ACTIVITY => {
            let api = json!({"operation": entry.action, "request": {"uid": entry.request_id}});
            event.insert("api".into(), api);
            // The class demands a source; what the host itself did has none but the host.
            event
                .entry("src_endpoint")
                .or_insert_with(|| json!({"name": "keywright"}));
        }
        // Of people: who signed in, or whose account or access was changed.
        _ => {
            let user = target.filter(|target| target.starts_with("user-"));
            let user = user.unwrap_or(&entry.actor);
            event.insert("user".into(), person(user));
        }
    }
}

fn person(id: &str) -> Value {
    let kind = if id.starts_with("user-") {
        ACTOR_TYPE.0
    } else {
        ACTOR_TYPE.1
    };
    json!({"uid": id, "type_id": kind})
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )]

    use super::*;

    fn entry(action: &str, target: Option<&str>) -> AuditEntry {
        AuditEntry {
            seq: 7,
            at: 1_700_000_000,
            action: action.into(),
            actor: "user-0198c5f2-a7e0-7f3c-8b1a-0c5d2e9f4a61".into(),
            target: target.map(Into::into),
            tenant: Some("tenant-1".into()),
            result: AuditResult::Success,
            changes: serde_json::value::to_raw_value(&json!({"state": ["active", "revoked"]}))
                .unwrap(),
            address: Some("203.0.113.7".into()),
            user_agent: None,
            request_id: Some("req-1".into()),
        }
    }

    #[test]
    fn every_class_has_what_it_demands() {
        for (action, target, class, demanded) in [
            ("revoke_key", Some("key-1"), 3004, "entity"),
            ("sign_in", Some("session-1"), 3002, "user"),
            ("remove_member", Some("user-2"), 3005, "user"),
            ("create_user", Some("user-2"), 3001, "user"),
            ("export_audit", None, 6003, "api"),
        ] {
            let found = event(&entry(action, target), 1_700_000_000_123);
            assert_eq!(found["class_uid"], class, "{action}");
            assert!(found[demanded].is_object(), "{action}: {demanded}");
            assert_eq!(found["category_uid"], class / 1_000, "{action}");
            assert_eq!(
                found["type_uid"].as_u64().unwrap(),
                class * 100 + found["activity_id"].as_u64().unwrap(),
                "{action}"
            );
            for base in ["metadata", "severity_id", "time", "status_id"] {
                assert!(!found[base].is_null(), "{action}: {base}");
            }
        }
        let revoked = event(&entry("revoke_key", Some("key-1")), 1_700_000_000_123);
        assert_eq!(revoked["entity"], json!({"uid": "key-1", "type": "key"}));
        assert_eq!(revoked["time"], 1_700_000_000_123_i64);
        let removed = event(&entry("remove_member", Some("user-2")), 0);
        assert_eq!(removed["user"]["uid"], "user-2");
    }
}
