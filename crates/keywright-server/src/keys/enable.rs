//! `enable_key`: `POST /api/v1/tenant/{tenant}/api-keys/{id}/enable`.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use keywright_api::key::KeyBody;
use keywright_core::access::Permission;

use crate::app::App;
use crate::caller::InTenant;
use crate::error::ApiResult;
use crate::etag;
use crate::path::PathParts;

/// Switches a key on again
///
/// The answer comes when the change is in force for every check that starts after it.
#[utoipa::path(
    post, path = "/api/v1/tenant/{tenant}/api-keys/{id}/enable", operation_id = "enable_key",
    tag = "keys",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("id" = String, Path, description = "Identifier of the key"),
           ("If-Match" = Option<String>, Header, description = "The version it was decided on")),
    responses((status = 200, body = KeyBody)),
)]
pub async fn enable_key(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let record = super::find(&app, &context, path.get("id")?, Permission::WriteKeys).await?;
    etag::check(&headers, record.key.version)?;
    let change = record.key.enable()?;
    let after = change.after.as_deref().cloned();
    super::make(&app, &context, change).await?;
    Ok(super::show(&super::after(record, after), app.now()))
}
