//! Sessions of a tenant's user: `list_user_sessions`, `end_user_sessions`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::answer::SuccessBody;
use keywright_api::session::SessionBody;
use keywright_core::access::Permission;

use crate::app::App;
use crate::auth::sessions::{endings, shown};
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;
use crate::path::PathParts;

/// Lists a user's sessions
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/users/{user}/sessions",
    operation_id = "list_user_sessions", tag = "users",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("user" = String, Path, description = "Identifier of the user")),
    responses((status = 200, body = Vec<SessionBody>)),
)]
pub async fn list_user_sessions(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    context.require(Permission::WriteUsers)?;
    let (user, _) = super::find(&app, &context.tenant, path.get("user")?).await?;
    super::guard_account(&app, &context, &user).await?;
    Ok(answer(StatusCode::OK, &shown(&app, user.id, None).await?))
}

/// Ends all of a user's sessions
#[utoipa::path(
    delete, path = "/api/v1/tenant/{tenant}/users/{user}/sessions",
    operation_id = "end_user_sessions", tag = "users",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("user" = String, Path, description = "Identifier of the user")),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn end_user_sessions(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    context.require(Permission::WriteUsers)?;
    let (user, membership) = super::find(&app, &context.tenant, path.get("user")?).await?;
    super::guard_roles(&context, &[membership.role])?;
    super::guard_account(&app, &context, &user).await?;
    let endings = endings(&app, user.id, None).await?;
    app.change(&context.caller.actor(&app).await?, &endings)
        .await?;
    Ok(answer(
        StatusCode::OK,
        &SuccessBody::new("The user's sessions have ended"),
    ))
}
