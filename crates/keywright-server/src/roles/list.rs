//! `list_roles`: `GET /api/v1/tenant/{tenant}/roles`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::role::RoleBody;
use keywright_core::access::Permission;

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;

/// Lists the roles of a tenant
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/roles", operation_id = "list_roles", tag = "roles",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 200, body = Vec<RoleBody>)),
)]
pub async fn list_roles(State(app): State<App>, context: InTenant) -> ApiResult<Response> {
    context.require(Permission::ReadTenant)?;
    let roles = app.store.roles(context.tenant.id).await?;
    let shown: Vec<RoleBody> = roles.iter().map(RoleBody::new).collect();
    Ok(answer(StatusCode::OK, &shown))
}
