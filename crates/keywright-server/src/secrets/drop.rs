//! `drop_secret`: `POST /api/v1/secrets/{kind}/{id}/drop`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::code::Code;
use keywright_api::secret::SecretsBody;
use keywright_seal::keyring::Kind;

use super::get::status;
use super::rotate::event;
use crate::app::App;
use crate::body::answer;
use crate::caller::Caller;
use crate::error::{ApiError, ApiResult};
use crate::path::PathParts;

/// Drops a former root key or pepper
///
/// Refused while anything still needs it.
#[utoipa::path(
    post, path = "/api/v1/secrets/{kind}/{id}/drop", operation_id = "drop_secret",
    tag = "operations",
    params(("kind" = String, Path, description = "`root` or `pepper`"),
           ("id" = u32, Path, description = "Which one")),
    responses((status = 200, body = SecretsBody)),
)]
pub async fn drop_secret(
    State(app): State<App>,
    caller: Caller,
    path: PathParts,
) -> ApiResult<Response> {
    caller.require_platform()?;
    let kind = Kind::from_word(path.get("kind")?).ok_or_else(ApiError::not_found)?;
    let id: u32 = path.get("id")?.parse().map_err(|_| ApiError::not_found())?;
    let found = status(&app).await?;
    let keys = match kind {
        Kind::Root => found.roots,
        Kind::Pepper => found.peppers,
    };
    let key = keys
        .iter()
        .find(|key| key.id == id)
        .ok_or_else(ApiError::not_found)?;
    let conflict = |sentence: String| Err(ApiError::new(Code::Conflict).describe(sentence));
    if key.current {
        return conflict("the current one cannot be dropped; rotate first".to_owned());
    }
    if key.needed_by > 0 {
        return conflict(format!("{} rows still need it", key.needed_by));
    }
    let actor = caller.actor(&app).await?;
    let keyring = app.keyring.load_full();
    let (fewer, action) = match kind {
        Kind::Root => (keyring.drop_root(id), "drop_root"),
        Kind::Pepper => (keyring.drop_pepper(id), "drop_pepper"),
    };
    let fewer = fewer.map_err(ApiError::internal)?;
    // First the database forgets it: a keyring with a key too many starts, one that lacks a key does not.
    // The leaf comes along, because it writes the head of the audit trail under the current root: after an
    // interrupted rotation that could be all that still needs the former one, and nothing counts it.
    let mut tx = app.store.begin().await?;
    tx.remove_keyring_check(kind.word(), id).await?;
    tx.apply(&event(action, id)).await?;
    let position = tx.commit(&actor, app.now()).await?;
    app.engine.catch_up(position.0).await?;
    fewer.save(&app.keyring_source).map_err(|error| {
        ApiError::new(Code::Conflict).describe(format!(
            "remove its line where the keyring comes from: {error}"
        ))
    })?;
    super::use_keyring(&app, fewer)?;
    Ok(answer(StatusCode::OK, &status(&app).await?))
}
