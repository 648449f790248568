//! `get_user`: `GET /api/v1/tenant/{tenant}/users/{user}`.

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, header};
use keywright_api::user::UserBody;
use keywright_core::access::Permission;
use keywright_core::user::{TenantRole, User};

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;
use crate::etag;
use crate::path::PathParts;

/// Shows a user of the tenant
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/users/{user}", operation_id = "get_user", tag = "users",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("user" = String, Path, description = "Identifier of the user")),
    responses((status = 200, body = UserBody)),
)]
pub async fn get_user(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    context.require(Permission::ReadUsers)?;
    let (user, membership) = super::find(&app, &context.tenant, path.get("user")?).await?;
    Ok(show(&user, Some(membership.role)))
}

/// The answer that shows a user, with its `ETag`.
#[must_use]
pub fn show(user: &User, role: Option<TenantRole>) -> Response {
    let mut response = answer(StatusCode::OK, &UserBody::new(user, role, None));
    response
        .headers_mut()
        .insert(header::ETAG, etag::of(user.version));
    response
}
