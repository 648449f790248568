//! A tenant's plans over HTTP: `list_plans`, `create_plan`, `update_plan`, `delete_plan`.

pub mod create;
pub mod delete;
pub mod list;
pub mod update;

use keywright_core::id::TenantId;
use keywright_core::plan::Plan;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_plans, create::create_plan))
        .routes(routes!(update::update_plan, delete::delete_plan))
}

/// The plan of this name.
///
/// # Errors
/// `not_found`.
pub async fn find(app: &App, tenant: TenantId, name: &str) -> ApiResult<Plan> {
    let plans = app.store.plans(tenant).await?;
    plans
        .into_iter()
        .find(|plan| plan.name.as_str() == name)
        .ok_or_else(ApiError::not_found)
}
