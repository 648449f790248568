//! The signing keys of JWT keys: made when first needed, rotated by command, published as JWKS.

pub mod list;
pub mod rotate;

use std::sync::Arc;

use keywright_core::change::{Actor, Change, Edit, SigningKeyRecord};
use keywright_core::tenant::Tenant;
use keywright_core::time::Timestamp;
use keywright_core::token::jwt::SigningAlgorithm;
use keywright_seal::envelope::{self, Place};
use keywright_seal::signing::SigningKey;
use keywright_store::StoreError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Days for which a new key is published before it signs: verifiers keep sets for minutes, and some
/// keep them for a day (trust P18).
pub const PUBLISHED_BEFORE_DAYS: u32 = 1;

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list::list_signing_keys))
        .routes(routes!(rotate::rotate_signing_key))
}

/// The key that signs for the tenant now, made if there is none.
///
/// # Errors
/// Trouble of the store, or a sealed key that cannot be opened.
pub async fn signer(app: &App, tenant: &Tenant) -> ApiResult<Arc<SigningKey>> {
    let algorithm = tenant.settings.jwt_algorithm;
    for _ in 0..2 {
        let keys = app.store.signing_keys(tenant.id).await?;
        if let Some(record) = active(&keys, algorithm, app.now()) {
            return open(app, record).await.map(Arc::new);
        }
        let made = make(app, tenant, algorithm, app.now()).await?;
        let change = Change::SigningKey(Edit::create(made));
        match app.change(&Actor::operator(), &[change]).await {
            Ok(()) => {}
            // Another request made one at the same time.
            Err(error) if error.code() == keywright_api::code::Code::Duplicate => {}
            Err(error) => return Err(error),
        }
    }
    Err(ApiError::internal(StoreError::Conflict))
}

/// The youngest key of the algorithm whose time to sign has come and not gone.
#[must_use]
pub fn active(
    keys: &[SigningKeyRecord],
    algorithm: SigningAlgorithm,
    now: Timestamp,
) -> Option<&SigningKeyRecord> {
    keys.iter()
        .filter(|key| key.algorithm == algorithm && key.active_at <= now)
        .filter(|key| key.retired_at.is_none_or(|at| now < at))
        .max_by_key(|key| (key.active_at, key.created_at))
}

/// A new key for the tenant that may sign from `active_at` on.
///
/// # Errors
/// When it cannot be made or sealed.
pub async fn make(
    app: &App,
    tenant: &Tenant,
    algorithm: SigningAlgorithm,
    active_at: Timestamp,
) -> ApiResult<SigningKeyRecord> {
    // Finding two primes takes a core for up to a second.
    let key = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm))
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)?;
    let private = key.private_bytes().map_err(ApiError::internal)?;
    let owner = tenant.id.to_string();
    let sealed = envelope::seal(&app.keyring.load(), &place(&owner, key.kid()), &private)
        .map_err(ApiError::internal)?;
    Ok(SigningKeyRecord {
        kid: key.kid().to_owned(),
        tenant: tenant.id,
        algorithm,
        public_jwk: key.public_jwk().to_string(),
        sealed_private: sealed,
        active_at,
        retired_at: None,
        created_at: app.now(),
    })
}

async fn open(app: &App, record: &SigningKeyRecord) -> ApiResult<SigningKey> {
    let owner = record.tenant.to_string();
    let private = envelope::open(
        &app.keyring.load(),
        &place(&owner, &record.kid),
        &record.sealed_private,
    )
    .map_err(ApiError::internal)?;
    SigningKey::from_pkcs8(record.algorithm, &private).map_err(ApiError::internal)
}

/// Where a sealed signing key stands; part of its seal.
#[must_use]
pub fn place<'a>(tenant: &'a str, kid: &'a str) -> Place<'a> {
    Place {
        tenant,
        table: "signing_keys",
        column: "sealed_private",
        row: kid,
    }
}
