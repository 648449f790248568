//! `create_tenant`: `POST /api/v1/tenants`.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use keywright_api::tenant::{CreateTenant, TenantBody};

use crate::app::App;
use crate::body::JsonBytes;
use crate::caller::Caller;
use crate::error::{ApiError, ApiResult};
use crate::idempotency::Attempt;

/// Creates a tenant
///
/// With the common scopes, roles and settings. For platform administrators.
#[utoipa::path(
    post, path = "/api/v1/tenants", operation_id = "create_tenant", tag = "tenants",
    request_body = CreateTenant,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    responses((status = 201, body = TenantBody)),
)]
pub async fn create_tenant(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonBytes,
) -> ApiResult<Response> {
    caller.require_platform()?;
    let attempt = Attempt::begin(&app, &caller, &headers, "create_tenant", &body.0).await?;
    if let Attempt::Repeated(response) = attempt {
        return Ok(*response);
    }
    let (slug, name) = body
        .parse::<CreateTenant>()?
        .validate()
        .map_err(ApiError::invalid)?;
    let (tenant, changes) = super::founding(&app, slug, name);
    let remembered = serde_json::to_vec(&TenantBody::new(&tenant)).map_err(ApiError::internal)?;
    let created = StatusCode::CREATED;
    let once = attempt
        .idempotent()
        .map(|it| (it, created.as_u16(), remembered.as_slice()));
    app.change_once(&caller.actor(&app).await?, &changes, once)
        .await?;
    Ok(super::show(created, &tenant))
}
