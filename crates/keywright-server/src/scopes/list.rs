//! `list_scopes`: `GET /api/v1/tenant/{tenant}/scopes`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::scope::ScopeBody;
use keywright_core::access::Permission;
use keywright_core::scope::MANAGEMENT_SCOPES;

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;

/// Lists the scopes of a tenant
///
/// The tenant's own, then the built-in ones under `keywright:`, which operate Keywright itself.
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/scopes", operation_id = "list_scopes", tag = "scopes",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 200, body = Vec<ScopeBody>)),
)]
pub async fn list_scopes(State(app): State<App>, context: InTenant) -> ApiResult<Response> {
    context.require(Permission::ReadTenant)?;
    let entries = app.store.scopes(context.tenant.id).await?;
    let mut shown: Vec<ScopeBody> = entries.iter().map(ScopeBody::new).collect();
    shown.extend(
        MANAGEMENT_SCOPES
            .iter()
            .map(|(scope, description)| ScopeBody {
                scope: (*scope).to_owned(),
                description: (*description).to_owned(),
                implies: Vec::new(),
            }),
    );
    Ok(answer(StatusCode::OK, &shown))
}
