//! `create_plan`: `POST /api/v1/tenant/{tenant}/plans`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::plan::{CreatePlan, PlanBody};
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};
use keywright_core::limits::TENANT_PLANS_MAX;

use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};

/// Adds a plan
#[utoipa::path(
    post, path = "/api/v1/tenant/{tenant}/plans", operation_id = "create_plan", tag = "plans",
    request_body = CreatePlan,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 201, body = PlanBody)),
)]
pub async fn create_plan(
    State(app): State<App>,
    context: InTenant,
    body: JsonBytes,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let plan = body
        .parse::<CreatePlan>()?
        .validate()
        .map_err(ApiError::invalid)?;
    if app.store.plans(context.tenant.id).await?.len() >= TENANT_PLANS_MAX {
        let problem = format!("a tenant has at most {TENANT_PLANS_MAX} plans");
        return Err(ApiError::invalid_field(
            "name",
            problem,
            "delete one that is not used",
        ));
    }
    let shown = PlanBody::new(&plan);
    let change = Change::Plan(context.tenant.id, Edit::create(plan));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(StatusCode::CREATED, &shown))
}
