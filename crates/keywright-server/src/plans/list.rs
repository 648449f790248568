//! `list_plans`: `GET /api/v1/tenant/{tenant}/plans`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::plan::PlanBody;
use keywright_core::access::Permission;

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;

/// Lists the plans of a tenant
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/plans", operation_id = "list_plans", tag = "plans",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 200, body = Vec<PlanBody>)),
)]
pub async fn list_plans(State(app): State<App>, context: InTenant) -> ApiResult<Response> {
    context.require(Permission::ReadTenant)?;
    let plans = app.store.plans(context.tenant.id).await?;
    let shown: Vec<PlanBody> = plans.iter().map(PlanBody::new).collect();
    Ok(answer(StatusCode::OK, &shown))
}
