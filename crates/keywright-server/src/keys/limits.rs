//! `get_key_limits` and `reset_key_limits`: how the limits of a key stand, and forgetting what was counted.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::answer::SuccessBody;
use keywright_api::limit::{KeyLimitsBody, LimitsBody};
use keywright_api::verify::LimitBody;
use keywright_core::access::Permission;
use keywright_core::change::{Change, Event};
use keywright_core::key::Key;

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::path::PathParts;

/// Shows how the limits of a key stand
///
/// What applies (the key's own over its plan's), and what is left of each limit on this node.
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/api-keys/{id}/limits", operation_id = "get_key_limits", tag = "limits",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("id" = String, Path, description = "Identifier of the key")),
    responses((status = 200, body = KeyLimitsBody)),
)]
pub async fn get_key_limits(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    let record = super::find(&app, &context, path.get("id")?, Permission::ReadKeys).await?;
    let key = &record.key;
    let limits = effective(&app, key).await?;
    let counters = app.engine.counters();
    let standings = if limits.is_empty() {
        Default::default()
    } else {
        let subject = counters.subject_of(key, &limits);
        counters.standings(&[subject], app.now())
    };
    let body = KeyLimitsBody {
        rate_limit: LimitsBody::new(&limits).unwrap_or_default(),
        plan: key.attributes.plan.as_ref().map(ToString::to_string),
        limits: standings
            .iter()
            .map(|(name, standing)| LimitBody::new(name, standing))
            .collect(),
    };
    Ok(answer(StatusCode::OK, &body))
}

/// Forgets what was counted for a key
///
/// Every limit of the key's line is whole again, at once. For administrators.
#[utoipa::path(
    delete, path = "/api/v1/tenant/{tenant}/api-keys/{id}/limits", operation_id = "reset_key_limits", tag = "limits",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("id" = String, Path, description = "Identifier of the key")),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn reset_key_limits(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    let record = super::find(&app, &context, path.get("id")?, Permission::WriteKeys).await?;
    if !context.has(Permission::WriteTenant) {
        let sentence = "limits of a key can be reset by administrators only";
        return Err(ApiError::forbidden().describe(sentence));
    }
    let event = Event {
        action: "reset_key_limits",
        tenant: Some(context.tenant.id),
        target: Some(record.key.id.to_string()),
        success: true,
    };
    app.change(&context.caller.actor(&app).await?, &[Change::Event(event)])
        .await?;
    let line = record.key.lineage.to_string();
    app.engine.counters().reset(&line).await?;
    Ok(answer(
        StatusCode::OK,
        &SuccessBody::new("API key limits reset successfully"),
    ))
}

async fn effective(app: &App, key: &Key) -> ApiResult<keywright_core::limit::Limits> {
    let tenant = app.engine.tenant(key.tenant).await?;
    let tenant = tenant.ok_or_else(ApiError::not_found)?;
    Ok(tenant.limits(&key.attributes.limits, key.attributes.plan.as_ref()))
}
