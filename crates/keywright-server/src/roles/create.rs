//! `create_role`: `POST /api/v1/tenant/{tenant}/roles`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::role::{CreateRole, RoleBody};
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};
use keywright_core::limits::TENANT_ROLES_MAX;

use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};

/// Adds a role
#[utoipa::path(
    post, path = "/api/v1/tenant/{tenant}/roles", operation_id = "create_role", tag = "roles",
    request_body = CreateRole,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 201, body = RoleBody)),
)]
pub async fn create_role(
    State(app): State<App>,
    context: InTenant,
    body: JsonBytes,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let role = body
        .parse::<CreateRole>()?
        .validate()
        .map_err(ApiError::invalid)?;
    super::check(&app, &context, &role).await?;
    if app.store.roles(context.tenant.id).await?.len() >= TENANT_ROLES_MAX {
        let problem = format!("a tenant has at most {TENANT_ROLES_MAX} roles");
        return Err(ApiError::invalid_field(
            "name",
            problem,
            "delete one that is not used",
        ));
    }
    let shown = RoleBody::new(&role);
    let change = Change::Role(context.tenant.id, Edit::create(role));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(StatusCode::CREATED, &shown))
}
