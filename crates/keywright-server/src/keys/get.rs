//! `get_key`: `GET /api/v1/tenant/{tenant}/api-keys/{id}`.

use axum::extract::State;
use axum::response::Response;
use keywright_api::key::KeyBody;
use keywright_core::access::Permission;

use crate::app::App;
use crate::caller::InTenant;
use crate::error::ApiResult;
use crate::path::PathParts;

/// Shows a key
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/api-keys/{id}", operation_id = "get_key", tag = "keys",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("id" = String, Path, description = "Identifier of the key")),
    responses((status = 200, body = KeyBody)),
)]
pub async fn get_key(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    let record = super::find(&app, &context, path.get("id")?, Permission::ReadKeys).await?;
    Ok(super::show(&record, app.now()))
}
