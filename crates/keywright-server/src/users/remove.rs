//! `remove_user`: `DELETE /api/v1/tenant/{tenant}/users/{user}`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::answer::SuccessBody;
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};
use keywright_core::user::TenantRole;

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;
use crate::path::PathParts;

/// Removes a user from the tenant
///
/// The account stays, for other tenants; its keys here are refused at once.
#[utoipa::path(
    delete, path = "/api/v1/tenant/{tenant}/users/{user}", operation_id = "remove_user",
    tag = "users",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("user" = String, Path, description = "Identifier of the user")),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn remove_user(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    context.require(Permission::WriteUsers)?;
    let (user, membership) = super::find(&app, &context.tenant, path.get("user")?).await?;
    super::guard_roles(&context, &[membership.role])?;
    if membership.role == TenantRole::Owner {
        super::keep_an_owner(&app, &context.tenant, user.id).await?;
    }
    let change = Change::Membership(Edit::delete(membership));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(
        StatusCode::OK,
        &SuccessBody::new("User removed from the tenant"),
    ))
}
