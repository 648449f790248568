//! `update_plan`: `PATCH /api/v1/tenant/{tenant}/plans/{plan}`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::plan::{PlanBody, UpdatePlan};
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};

use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::path::PathParts;

/// Changes a plan
///
/// In force at once for every key that has it. What was counted stays counted.
#[utoipa::path(
    patch, path = "/api/v1/tenant/{tenant}/plans/{plan}", operation_id = "update_plan",
    tag = "plans", request_body = UpdatePlan,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("plan" = String, Path, description = "Name of the plan")),
    responses((status = 200, body = PlanBody)),
)]
pub async fn update_plan(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
    body: JsonBytes,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let before = super::find(&app, context.tenant.id, path.get("plan")?).await?;
    let after = body
        .parse::<UpdatePlan>()?
        .validate(&before)
        .map_err(ApiError::invalid)?;
    let shown = PlanBody::new(&after);
    let change = Change::Plan(context.tenant.id, Edit::update(before, after));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(StatusCode::OK, &shown))
}
