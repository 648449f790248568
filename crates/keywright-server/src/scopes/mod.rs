//! A tenant's scope catalogue over HTTP: `list_scopes`, `create_scope`, `update_scope`, `delete_scope`.

pub mod create;
pub mod delete;
pub mod list;
pub mod update;

use keywright_core::id::TenantId;
use keywright_core::scope::{Catalogue, CatalogueEntry};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_scopes, create::create_scope))
        .routes(routes!(update::update_scope, delete::delete_scope))
}

/// The entry of this scope.
///
/// # Errors
/// `not_found`.
pub async fn find(app: &App, tenant: TenantId, scope: &str) -> ApiResult<CatalogueEntry> {
    let entries = app.store.scopes(tenant).await?;
    let found = entries
        .into_iter()
        .find(|entry| entry.scope.as_str() == scope);
    found.ok_or_else(ApiError::not_found)
}

/// Refuses a catalogue that would not hold together with `entry` in it.
///
/// # Errors
/// `validation_failed`.
pub async fn check(app: &App, tenant: TenantId, entry: &CatalogueEntry) -> ApiResult<()> {
    let mut entries = app.store.scopes(tenant).await?;
    entries.retain(|other| other.scope != entry.scope);
    entries.push(entry.clone());
    Catalogue::new(entries).map(drop).map_err(|problem| {
        let fix = "name scopes of the catalogue, and none twice";
        ApiError::invalid_field("implies", problem.to_string(), fix)
    })
}
