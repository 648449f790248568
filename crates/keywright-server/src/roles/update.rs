//! `update_role`: `PATCH /api/v1/tenant/{tenant}/roles/{role}`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::role::{RoleBody, UpdateRole};
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};

use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::path::PathParts;

/// Changes a role
///
/// In force at once for every key that has it.
#[utoipa::path(
    patch, path = "/api/v1/tenant/{tenant}/roles/{role}", operation_id = "update_role",
    tag = "roles", request_body = UpdateRole,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("role" = String, Path, description = "Name of the role")),
    responses((status = 200, body = RoleBody)),
)]
pub async fn update_role(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
    body: JsonBytes,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let before = super::find(&app, context.tenant.id, path.get("role")?).await?;
    let after = body
        .parse::<UpdateRole>()?
        .validate(&before)
        .map_err(ApiError::invalid)?;
    super::check(&app, &context, &after).await?;
    let shown = RoleBody::new(&after);
    let change = Change::Role(context.tenant.id, Edit::update(before, after));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(StatusCode::OK, &shown))
}
