//! `get_secrets`: `GET /api/v1/secrets`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::secret::{SecretKeyBody, SecretsBody};
use keywright_seal::envelope::kek_version;
use keywright_seal::keyring::Kind;
use keywright_store::SealedKind;

use crate::app::App;
use crate::body::answer;
use crate::caller::Caller;
use crate::error::{ApiError, ApiResult};

/// Rows read at once.
const PAGE: u32 = 500;

/// Shows which root keys and peppers there are, and what still needs each
///
/// Never the keys themselves.
#[utoipa::path(
    get, path = "/api/v1/secrets", operation_id = "get_secrets", tag = "operations",
    responses((status = 200, body = SecretsBody)),
)]
pub async fn get_secrets(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    caller.require_platform()?;
    Ok(answer(StatusCode::OK, &status(&app).await?))
}

/// What there is, and what needs it.
///
/// # Errors
/// When the store is in trouble.
pub async fn status(app: &App) -> ApiResult<SecretsBody> {
    let keyring = app.keyring.load_full();
    let (by_root, by_pepper) = (sealed_by_root(app).await?, needing_peppers(app).await?);
    let shown = |kind: Kind, needed: &BTreeMap<u32, u64>| {
        let current = keyring.current_id(kind);
        keyring
            .ids(kind)
            .into_iter()
            .map(|id| SecretKeyBody {
                id,
                current: id == current,
                needed_by: needed.get(&id).copied().unwrap_or(0),
            })
            .collect()
    };
    Ok(SecretsBody {
        roots: shown(Kind::Root, &by_root),
        peppers: shown(Kind::Pepper, &by_pepper),
    })
}

/// Sealed values under each root key.
async fn sealed_by_root(app: &App) -> ApiResult<BTreeMap<u32, u64>> {
    let mut counts = BTreeMap::new();
    for kind in SealedKind::ALL {
        let mut after = None;
        loop {
            let rows = app.store.sealed_rows(kind, after.as_ref(), PAGE).await?;
            for row in &rows {
                let root = kek_version(&row.sealed).map_err(ApiError::internal)?;
                *counts.entry(root).or_insert(0) += 1;
            }
            match rows.into_iter().last() {
                Some(last) => after = Some(last),
                None => break,
            }
        }
    }
    Ok(counts)
}

/// Keys and passwords under each pepper.
async fn needing_peppers(app: &App) -> ApiResult<BTreeMap<u32, u64>> {
    let mut counts = BTreeMap::new();
    for (pepper, keys) in app.store.count_by_pepper().await? {
        *counts.entry(pepper.0).or_insert(0) += keys;
    }
    for id in app.keyring.load().ids(Kind::Pepper) {
        let prefix = keywright_seal::password::stored_prefix(id);
        *counts.entry(id).or_insert(0) += app.store.count_passwords(&prefix).await?;
    }
    Ok(counts)
}
