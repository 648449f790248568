//! A tenant's roles over HTTP: `list_roles`, `create_role`, `update_role`, `delete_role`.

pub mod create;
pub mod delete;
pub mod list;
pub mod update;

use keywright_api::error::Detail;
use keywright_core::id::TenantId;
use keywright_core::role::Role;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::keys::rules;

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_roles, create::create_role))
        .routes(routes!(update::update_role, delete::delete_role))
}

/// The role of this name.
///
/// # Errors
/// `not_found`.
pub async fn find(app: &App, tenant: TenantId, name: &str) -> ApiResult<Role> {
    let roles = app.store.roles(tenant).await?;
    roles
        .into_iter()
        .find(|role| role.name.as_str() == name)
        .ok_or_else(ApiError::not_found)
}

/// Refuses scopes that the catalogue does not have, and those that operate Keywright: an application's
/// role must not carry them to keys by the back door.
///
/// # Errors
/// Every such scope, with its path.
pub async fn check(app: &App, context: &InTenant, role: &Role) -> ApiResult<()> {
    let compiled = app
        .engine
        .tenant(context.tenant.id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let mut details = Vec::new();
    for (index, grant) in role.grants.iter().enumerate() {
        let path = format!("scopes[{index}]");
        if let Err(unknown) = compiled.catalogue.check_grants(std::slice::from_ref(grant)) {
            let fix = "use a scope of the tenant's catalogue, or add it there first";
            details.push(Detail::new(path, unknown.to_string(), fix));
        } else if rules::is_management(grant) {
            let fix = "grant it to a system key directly";
            details.push(Detail::new(
                path,
                "operates Keywright, which no role grants",
                fix,
            ));
        }
    }
    if details.is_empty() {
        Ok(())
    } else {
        Err(ApiError::invalid(details))
    }
}
