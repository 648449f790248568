//! `update_scope`: `PATCH /api/v1/tenant/{tenant}/scopes/{scope}`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::scope::{ScopeBody, UpdateScope};
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};

use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::path::PathParts;

/// Changes what a scope says and implies
///
/// In force at once for every key that has it.
#[utoipa::path(
    patch, path = "/api/v1/tenant/{tenant}/scopes/{scope}", operation_id = "update_scope",
    tag = "scopes", request_body = UpdateScope,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("scope" = String, Path, description = "The scope")),
    responses((status = 200, body = ScopeBody)),
)]
pub async fn update_scope(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
    body: JsonBytes,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let before = super::find(&app, context.tenant.id, path.get("scope")?).await?;
    let after = body
        .parse::<UpdateScope>()?
        .validate(&before)
        .map_err(ApiError::invalid)?;
    super::check(&app, context.tenant.id, &after).await?;
    let shown = ScopeBody::new(&after);
    let change = Change::Scope(context.tenant.id, Edit::update(before, after));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(StatusCode::OK, &shown))
}
