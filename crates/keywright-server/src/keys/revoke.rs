//! `revoke_key`: `POST /api/v1/tenant/{tenant}/api-keys/{id}/revoke`.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use keywright_api::answer::{KEY_REVOKED, SuccessBody};
use keywright_api::json;
use keywright_api::key::RevokeKey;
use keywright_core::access::Permission;

use crate::app::App;
use crate::body::{self, BODY_BYTES_MAX, answer};
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::etag;
use crate::path::PathParts;

/// Ends a key for good
///
/// The record stays for the audit. The answer comes when every check that starts after it refuses
/// the key. The body is optional.
#[utoipa::path(
    post, path = "/api/v1/tenant/{tenant}/api-keys/{id}/revoke", operation_id = "revoke_key",
    tag = "keys", request_body = Option<RevokeKey>,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("id" = String, Path, description = "Identifier of the key"),
           ("If-Match" = Option<String>, Header, description = "The version it was decided on")),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn revoke_key(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<Response> {
    let record = super::find(&app, &context, path.get("id")?, Permission::WriteKeys).await?;
    etag::check(&headers, record.key.version)?;
    let reason = reason(request).await?;
    super::make(&app, &context, record.key.revoke(reason, app.now())?).await?;
    Ok(answer(StatusCode::OK, &KEY_REVOKED))
}

async fn reason(request: Request) -> ApiResult<Option<String>> {
    let bytes = body::read(request, BODY_BYTES_MAX).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    json::parse::<RevokeKey>(&bytes)?
        .validate()
        .map_err(ApiError::invalid)
}
