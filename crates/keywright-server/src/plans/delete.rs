//! `delete_plan`: `DELETE /api/v1/tenant/{tenant}/plans/{plan}`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::answer::SuccessBody;
use keywright_api::code::Code;
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::path::PathParts;

/// Removes a plan
///
/// Only a plan that no key has: its keys would be without their limits.
#[utoipa::path(
    delete, path = "/api/v1/tenant/{tenant}/plans/{plan}", operation_id = "delete_plan",
    tag = "plans",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("plan" = String, Path, description = "Name of the plan")),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn delete_plan(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let plan = super::find(&app, context.tenant.id, path.get("plan")?).await?;
    let name = plan.name.as_str();
    let keys = app
        .store
        .count_keys_of_plan(context.tenant.id, name)
        .await?;
    if keys > 0 {
        let sentence = format!("{keys} keys have the plan `{name}`; give them another one first");
        return Err(ApiError::new(Code::Conflict).describe(sentence));
    }
    let change = Change::Plan(context.tenant.id, Edit::delete(plan));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(StatusCode::OK, &SuccessBody::new("Plan deleted")))
}
