//! Rotation of root keys and peppers while the server runs: `get_secrets`, `rotate_root`,
//! `rotate_pepper`, `drop_secret`. For platform administrators.
//!
//! Every step leaves a state that starts: the new key is in the keyring before anything needs it, and a
//! former one is only dropped when nothing needs it any more. Interrupted, it is simply called again.

pub mod drop;
pub mod get;
pub mod rotate;

use keywright_core::change::Actor;
use keywright_seal::keyring::{KeyCheck, Keyring, KeyringError};
use keywright_store::KeyringCheck;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get::get_secrets))
        .routes(routes!(rotate::rotate_root))
        .routes(routes!(rotate::rotate_pepper))
        .routes(routes!(drop::drop_secret))
}

/// Saves a keyring that has a key more, remembers its check value, and uses it.
///
/// # Errors
/// `conflict` when the keyring does not come from a file: then its owner adds the key.
pub(crate) async fn adopt(app: &App, actor: &Actor, keyring: Keyring) -> ApiResult<()> {
    keyring.save(&app.keyring_source).map_err(|error| match error {
        KeyringError::NotWritable { .. } => ApiError::new(keywright_api::code::Code::Conflict)
            .describe("the keyring does not come from a file; add the new key where it comes from and restart"),
        other => ApiError::internal(other),
    })?;
    let mut tx = app.store.begin().await?;
    for check in keyring.checks() {
        tx.put_keyring_check(&stored(&check)).await?;
    }
    tx.commit(actor, app.now()).await?;
    use_keyring(app, keyring)
}

/// Uses a keyring from now on: for seals, digests and the head of the audit trail.
pub(crate) fn use_keyring(app: &App, keyring: Keyring) -> ApiResult<()> {
    let audit_keys = keyring.derive_all(keywright_seal::derive::Purpose::AuditHead);
    app.store
        .set_audit_keys(audit_keys.iter().map(|key| **key).collect());
    app.engine
        .set_peppers(keyring.peppers().map_err(ApiError::internal)?);
    app.keyring.store(std::sync::Arc::new(keyring));
    Ok(())
}

fn stored(check: &KeyCheck) -> KeyringCheck {
    KeyringCheck {
        kind: check.kind.word().to_owned(),
        id: check.id,
        check: check.value.to_vec(),
    }
}
