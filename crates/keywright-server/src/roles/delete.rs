//! `delete_role`: `DELETE /api/v1/tenant/{tenant}/roles/{role}`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::answer::SuccessBody;
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;
use crate::path::PathParts;

/// Removes a role
///
/// Keys that have it lose what it granted, at once.
#[utoipa::path(
    delete, path = "/api/v1/tenant/{tenant}/roles/{role}", operation_id = "delete_role",
    tag = "roles",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("role" = String, Path, description = "Name of the role")),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn delete_role(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let role = super::find(&app, context.tenant.id, path.get("role")?).await?;
    let change = Change::Role(context.tenant.id, Edit::delete(role));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(StatusCode::OK, &SuccessBody::new("Role deleted")))
}
