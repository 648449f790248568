//! `update_key`: `PATCH /api/v1/tenant/{tenant}/api-keys/{id}`.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use keywright_api::key::{KeyBody, UpdateKey};
use keywright_core::access::Permission;
use keywright_core::policy::ExpiryWish;

use super::rules;
use crate::app::App;
use crate::body::JsonBytes;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::etag;
use crate::path::PathParts;

/// Changes a key
///
/// Fields that are left out stay. The answer comes when the change is in force for every check
/// that starts after it.
#[utoipa::path(
    patch, path = "/api/v1/tenant/{tenant}/api-keys/{id}", operation_id = "update_key",
    tag = "keys", request_body = UpdateKey,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("id" = String, Path, description = "Identifier of the key"),
           ("If-Match" = Option<String>, Header, description = "The version it was decided on")),
    responses((status = 200, body = KeyBody)),
)]
pub async fn update_key(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
    headers: HeaderMap,
    body: JsonBytes,
) -> ApiResult<Response> {
    let record = super::find(&app, &context, path.get("id")?, Permission::WriteKeys).await?;
    etag::check(&headers, record.key.version)?;
    let key = &record.key;
    let edit = body
        .parse::<UpdateKey>()?
        .validate(key)
        .map_err(ApiError::invalid)?;
    let compiled = app
        .engine
        .tenant(key.tenant)
        .await?
        .ok_or_else(ApiError::not_found)?;
    // Only what changes is checked: a scope that left the catalogue does not lock the key.
    if edit.attributes.scopes != key.attributes.scopes
        || edit.attributes.roles != key.attributes.roles
    {
        rules::check_grants(&context, &compiled, key.kind, key.purpose, &edit.attributes)?;
    }
    let limits = (&edit.attributes.limits, &edit.attributes.plan);
    if limits != (&key.attributes.limits, &key.attributes.plan) {
        if !context.has(Permission::WriteTenant) {
            let sentence = "limits of a key can be changed by administrators only";
            return Err(ApiError::forbidden().describe(sentence));
        }
        rules::check_plan(&compiled, &edit.attributes)?;
    }
    let expires_at = match edit.expiry {
        None => key.expires_at,
        Some(wish) => expiry(&app, &compiled.tenant, key, wish)?,
    };
    let change = key.update(edit.attributes, expires_at)?;
    let after = change.after.as_deref().cloned();
    super::make(&app, &context, change).await?;
    Ok(super::show(&super::after(record, after), app.now()))
}

fn expiry(
    app: &App,
    tenant: &keywright_core::tenant::Tenant,
    key: &keywright_core::key::Key,
    wish: ExpiryWish,
) -> ApiResult<Option<keywright_core::time::Timestamp>> {
    let now = app.now().whole_second();
    rules::expiry(tenant, wish, key.purpose, &key.environment, now)
}
