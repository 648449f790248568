//! `create_scope`: `POST /api/v1/tenant/{tenant}/scopes`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::scope::{CreateScope, ScopeBody};
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};

use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};

/// Adds a scope to the catalogue
///
/// Existing keys do not get it, but by the wildcards that they hold.
#[utoipa::path(
    post, path = "/api/v1/tenant/{tenant}/scopes", operation_id = "create_scope", tag = "scopes",
    request_body = CreateScope,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 201, body = ScopeBody)),
)]
pub async fn create_scope(
    State(app): State<App>,
    context: InTenant,
    body: JsonBytes,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let entry = body
        .parse::<CreateScope>()?
        .validate()
        .map_err(ApiError::invalid)?;
    super::check(&app, context.tenant.id, &entry).await?;
    let shown = ScopeBody::new(&entry);
    let change = Change::Scope(context.tenant.id, Edit::create(entry));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(StatusCode::CREATED, &shown))
}
