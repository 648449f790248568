//! `get_tenant`: `GET /api/v1/tenant/{tenant}`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::tenant::TenantBody;
use keywright_core::access::Permission;

use crate::app::App;
use crate::caller::InTenant;
use crate::error::ApiResult;

/// Shows a tenant with its settings
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}", operation_id = "get_tenant", tag = "tenants",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 200, body = TenantBody)),
)]
pub async fn get_tenant(_: State<App>, context: InTenant) -> ApiResult<Response> {
    context.require(Permission::ReadTenant)?;
    Ok(super::show(StatusCode::OK, &context.tenant))
}
