//! `list_signing_keys`: `GET /api/v1/tenant/{tenant}/signing-keys`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::signing_key::{SigningKeyBody, SigningKeyStatus};
use keywright_core::access::Permission;
use keywright_core::change::SigningKeyRecord;
use keywright_core::id::TenantId;
use keywright_core::time::Timestamp;

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;

/// Lists the keys that sign a tenant's JWT keys
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/signing-keys", operation_id = "list_signing_keys",
    tag = "signing keys",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 200, body = Vec<SigningKeyBody>)),
)]
pub async fn list_signing_keys(State(app): State<App>, context: InTenant) -> ApiResult<Response> {
    context.require(Permission::ReadTenant)?;
    Ok(answer(
        StatusCode::OK,
        &shown(&app, context.tenant.id).await?,
    ))
}

/// The keys as they are shown.
///
/// # Errors
/// When the store is in trouble.
pub async fn shown(app: &App, tenant: TenantId) -> ApiResult<Vec<SigningKeyBody>> {
    let now = app.now();
    let keys = app.store.signing_keys(tenant).await?;
    Ok(keys.iter().map(|key| show(key, now)).collect())
}

fn show(key: &SigningKeyRecord, now: Timestamp) -> SigningKeyBody {
    let begun = key.active_at <= now;
    let status = match key.retired_at {
        Some(end) if end <= now => SigningKeyStatus::Retired,
        _ if begun => SigningKeyStatus::Active,
        _ => SigningKeyStatus::Pending,
    };
    SigningKeyBody {
        kid: key.kid.clone(),
        algorithm: key.algorithm.name(),
        status,
        created_at: key.created_at.seconds(),
        activated_at: begun.then(|| key.active_at.seconds()),
        retired_at: key.retired_at.map(Timestamp::seconds),
    }
}
