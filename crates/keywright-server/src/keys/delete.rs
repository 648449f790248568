//! `delete_key`: `DELETE /api/v1/tenant/{tenant}/api-keys/{id}`.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use keywright_api::answer::{KEY_DELETED, SuccessBody};
use keywright_core::access::Permission;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;
use crate::etag;
use crate::path::PathParts;
use crate::query::Query;

/// The query of `delete_key`.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct DeleteKey {
    /// Needed for a key that was used in the last 24 hours.
    confirm: bool,
}

/// Removes a key for good
///
/// It leaves lists at once; the audit trail keeps its history. The answer comes when every check
/// that starts after it refuses the key.
#[utoipa::path(
    delete, path = "/api/v1/tenant/{tenant}/api-keys/{id}", operation_id = "delete_key",
    tag = "keys",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("id" = String, Path, description = "Identifier of the key"),
           ("If-Match" = Option<String>, Header, description = "The version it was decided on"),
           DeleteKey),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn delete_key(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
    Query(query): Query<DeleteKey>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let record = super::find(&app, &context, path.get("id")?, Permission::WriteKeys).await?;
    etag::check(&headers, record.key.version)?;
    // What was used a moment ago may not be written yet.
    app.engine.flush(app.now()).await?;
    let record = super::find(
        &app,
        &context,
        &record.key.id.to_string(),
        Permission::WriteKeys,
    )
    .await?;
    let change = record
        .key
        .delete(record.last_used_at, query.confirm, app.now())?;
    super::make(&app, &context, change).await?;
    Ok(answer(StatusCode::OK, &KEY_DELETED))
}
