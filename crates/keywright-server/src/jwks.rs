//! `get_jwks` and `get_tenant_jwks`: the public keys with which others verify JWT keys offline
//! (RFC 7517, trust P18). Keys that will sign later are published already, those that signed once
//! still.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use keywright_core::change::SigningKeyRecord;
use keywright_core::token::digest::{Pepper, PepperId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::path::PathParts;

/// How long verifiers may keep the set; [`crate::signing_keys::PUBLISHED_BEFORE_DAYS`] is far more.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");
const JWK_SET: HeaderValue = HeaderValue::from_static("application/jwk-set+json");

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_jwks))
        .routes(routes!(get_tenant_jwks))
}

/// The signing keys of every tenant
#[utoipa::path(
    get, path = "/.well-known/jwks.json", operation_id = "get_jwks", tag = "checks",
    responses((status = 200, body = serde_json::Value, content_type = "application/jwk-set+json"),
              (status = 304, description = "As in `If-None-Match`")),
)]
pub async fn get_jwks(State(app): State<App>, headers: HeaderMap) -> ApiResult<Response> {
    Ok(set(&app.store.all_signing_keys().await?, &headers))
}

/// The signing keys of a tenant
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/jwks.json", operation_id = "get_tenant_jwks",
    tag = "checks",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant")),
    responses((status = 200, body = serde_json::Value, content_type = "application/jwk-set+json"),
              (status = 304, description = "As in `If-None-Match`")),
)]
pub async fn get_tenant_jwks(
    State(app): State<App>,
    path: PathParts,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let tenant = app
        .store
        .tenant(path.get("tenant")?)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(set(&app.store.signing_keys(tenant.id).await?, &headers))
}

fn set(keys: &[SigningKeyRecord], headers: &HeaderMap) -> Response {
    // The stored JWKs are JSON text of ours.
    let jwks: Vec<&str> = keys.iter().map(|key| key.public_jwk.as_str()).collect();
    let body = format!(r#"{{"keys":[{}]}}"#, jwks.join(","));
    let tag = Pepper::new(PepperId(0), b"keywright entity tag of jwk set/")
        .digest(&body)
        .to_hex();
    let tag =
        HeaderValue::try_from(format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"\""));
    let same = headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| *known == tag);
    let mut response = if same {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (StatusCode::OK, body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JWK_SET);
    headers.insert(CACHE_CONTROL, CACHE);
    headers.insert(ETAG, tag);
    response
}
