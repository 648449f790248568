//! The audit trail over HTTP: `list_audit`, `list_platform_audit`, `export_audit`,
//! `export_tenant_audit`, `verify_audit`, `get_audit_head`. Reading the trail is a sensitive read and leaves a leaf itself (trust S22).

pub mod export;
pub mod list;
mod ocsf;
pub mod verify;

use keywright_api::audit::{AuditEntry, AuditResult};
use keywright_core::id::UserId;
use keywright_store::AuditRecord;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::origin;

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_audit))
        .routes(routes!(list::list_platform_audit))
        .routes(routes!(export::export_audit))
        .routes(routes!(export::export_tenant_audit))
        .routes(routes!(verify::verify_audit))
        .routes(routes!(verify::get_audit_head))
}

/// A leaf as core writes it.
#[derive(Deserialize)]
struct Leaf {
    at: jiff::Timestamp,
    tenant: Option<String>,
    actor: String,
    origin: Option<String>,
    action: String,
    target: Option<String>,
    result: String,
    changes: Box<RawValue>,
    request_id: Option<String>,
}

impl Leaf {
    fn read(record: &AuditRecord) -> ApiResult<Self> {
        serde_json::from_slice(&record.leaf).map_err(ApiError::internal)
    }
}

/// A leaf as it is shown, with its origin opened while the person's key exists.
///
/// # Errors
/// A leaf that is not one of ours.
pub async fn shown(app: &App, record: &AuditRecord) -> ApiResult<AuditEntry> {
    let leaf = Leaf::read(record)?;
    let opened = match (leaf.actor.parse::<UserId>(), &leaf.origin) {
        (Ok(user), Some(sealed)) => open_origin(app, user, sealed).await?,
        _ => None,
    };
    let (address, user_agent) = match opened {
        Some(origin) => (Some(origin.address.to_string()), origin.user_agent),
        None => (None, None),
    };
    Ok(AuditEntry {
        seq: record.seq,
        at: leaf.at.as_second(),
        action: leaf.action,
        actor: leaf.actor,
        target: leaf.target,
        tenant: leaf.tenant,
        result: if leaf.result == "success" {
            AuditResult::Success
        } else {
            AuditResult::Failure
        },
        changes: leaf.changes,
        address,
        user_agent,
        request_id: leaf.request_id,
    })
}

async fn open_origin(app: &App, user: UserId, sealed: &str) -> ApiResult<Option<origin::Origin>> {
    use base64::Engine as _;
    let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(sealed);
    match decoded {
        Ok(bytes) => origin::open(app, user, &bytes).await,
        Err(_) => Ok(None),
    }
}
