//! `update_tenant`: `PATCH /api/v1/tenant/{tenant}`.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use keywright_api::code::Code;
use keywright_api::tenant::{TenantBody, UpdateTenant};
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};
use keywright_core::tenant::Tenant;
use keywright_store::{KeyFilter, KeySort, PageRequest};

use crate::app::App;
use crate::body::JsonBytes;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::etag;
use crate::session_token::RESERVED_PREFIX;

/// Changes a tenant and its settings
///
/// Fields that are left out stay. Suspending is for platform administrators; a suspended tenant's keys
/// are refused at once.
#[utoipa::path(
    patch, path = "/api/v1/tenant/{tenant}", operation_id = "update_tenant", tag = "tenants",
    request_body = UpdateTenant,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("If-Match" = Option<String>, Header, description = "The version it was decided on")),
    responses((status = 200, body = TenantBody)),
)]
pub async fn update_tenant(
    State(app): State<App>,
    context: InTenant,
    headers: HeaderMap,
    body: JsonBytes,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let before = &context.tenant;
    etag::check(&headers, before.version)?;
    let edit = body
        .parse::<UpdateTenant>()?
        .validate(before)
        .map_err(ApiError::invalid)?;
    if edit.suspended.is_some() {
        context.require(Permission::Platform)?;
    }
    if edit.settings.opaque.prefix().as_str() == RESERVED_PREFIX {
        let problem = format!("`{RESERVED_PREFIX}` is the prefix of Keywright's own tokens");
        return Err(ApiError::invalid_field(
            "prefix",
            problem,
            "choose another one",
        ));
    }
    keep_used_environments(&app, before, &edit.settings.environments).await?;
    let suspended_at = match edit.suspended {
        None => before.suspended_at,
        Some(true) => before.suspended_at.or(Some(app.now())),
        Some(false) => None,
    };
    let after = Tenant {
        name: edit.name,
        settings: edit.settings,
        suspended_at,
        version: before.version.saturating_add(1),
        ..before.clone()
    };
    let change = Change::Tenant(Edit::update(before.clone(), after.clone()));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(super::show(StatusCode::OK, &after))
}

/// Refuses to drop or re-tag an environment that keys still belong to.
async fn keep_used_environments(
    app: &App,
    before: &Tenant,
    after: &[keywright_core::tenant::Environment],
) -> ApiResult<()> {
    for environment in &before.settings.environments {
        if after.contains(environment) {
            continue;
        }
        let filter = KeyFilter {
            environment: Some(environment.name.clone()),
            ..KeyFilter::default()
        };
        let request = PageRequest::newest(KeySort::CreatedAt, 1);
        if !app
            .store
            .keys_page(before.id, &filter, &request)
            .await?
            .items
            .is_empty()
        {
            let sentence = format!(
                "keys still belong to the environment `{}`",
                environment.name
            );
            return Err(ApiError::new(Code::Conflict).describe(sentence));
        }
    }
    Ok(())
}
