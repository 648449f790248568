//! `rotate_signing_key`: `POST /api/v1/tenant/{tenant}/signing-keys/rotate`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::signing_key::SigningKeyBody;
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit, SigningKeyRecord};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{PUBLISHED_BEFORE_DAYS, active, list, make};
use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::ApiResult;
use crate::query::Query;

/// How to rotate.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct RotateSigningKey {
    /// Sign with the new key at once, though verifiers may not know it yet: after a leak.
    immediately: bool,
}

/// Replaces the key that signs a tenant's JWT keys
///
/// The new one is published at once and signs after a day; the former one stays published, so that keys
/// that it signed keep verifying offline.
#[utoipa::path(
    post, path = "/api/v1/tenant/{tenant}/signing-keys/rotate", operation_id = "rotate_signing_key",
    tag = "signing keys",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           RotateSigningKey),
    responses((status = 200, body = Vec<SigningKeyBody>)),
)]
pub async fn rotate_signing_key(
    State(app): State<App>,
    context: InTenant,
    Query(query): Query<RotateSigningKey>,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let now = app.now();
    let tenant = &context.tenant;
    let keys = app.store.signing_keys(tenant.id).await?;
    let former = active(&keys, tenant.settings.jwt_algorithm, now);
    // Without a former key nobody waits for the new one to become known.
    let wait = if query.immediately || former.is_none() {
        0
    } else {
        PUBLISHED_BEFORE_DAYS
    };
    let begins = now.plus_days(wait);
    let made = make(&app, tenant, tenant.settings.jwt_algorithm, begins).await?;
    let mut changes = vec![Change::SigningKey(Edit::create(made))];
    if let Some(former) = former {
        let retired = SigningKeyRecord {
            retired_at: Some(begins),
            ..former.clone()
        };
        changes.push(Change::SigningKey(Edit::update(former.clone(), retired)));
    }
    app.change(&context.caller.actor(&app).await?, &changes)
        .await?;
    Ok(answer(StatusCode::OK, &list::shown(&app, tenant.id).await?))
}
