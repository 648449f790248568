//! `rotate_root` and `rotate_pepper`: `POST /api/v1/secrets/{root,pepper}/rotate`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::code::Code;
use keywright_api::secret::SecretsBody;
use keywright_core::change::{Change, Event};
use keywright_engine::request_signing;
use keywright_seal::envelope::{self, Place};
use keywright_seal::keyring::Kind;
use keywright_store::{SealedKind, SealedRow, StoreError};

use super::get::status;
use crate::app::App;
use crate::body::answer;
use crate::caller::Caller;
use crate::error::{ApiError, ApiResult};
use crate::{origin, signing_keys};

/// Rows brought over at once.
const PAGE: u32 = 500;

/// Adds a root key and brings every sealed value over to it
///
/// Call it again if it was interrupted; then drop the former root key.
#[utoipa::path(
    post, path = "/api/v1/secrets/root/rotate", operation_id = "rotate_root", tag = "operations",
    responses((status = 200, body = SecretsBody)),
)]
pub async fn rotate_root(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    caller.require_platform()?;
    let actor = caller.actor(&app).await?;
    let keyring = app.keyring.load_full();
    // A rotation that was interrupted goes on before another one begins.
    if is_done(&app).await? {
        let more = keyring.add_root().map_err(full)?;
        super::adopt(&app, &actor, more).await?;
    }
    rewrap(&app).await?;
    // The event's own leaf writes the head of the audit trail under the new root key.
    app.change(
        &actor,
        &[event(
            "rotate_root",
            app.keyring.load().current_id(Kind::Root),
        )],
    )
    .await?;
    Ok(answer(StatusCode::OK, &status(&app).await?))
}

/// Adds a pepper
///
/// New keys use it at once; the others move over when they are used next, because only a presented key
/// can be digested anew. When nothing needs the former pepper any more, drop it.
#[utoipa::path(
    post, path = "/api/v1/secrets/pepper/rotate", operation_id = "rotate_pepper",
    tag = "operations", responses((status = 200, body = SecretsBody)),
)]
pub async fn rotate_pepper(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    caller.require_platform()?;
    let actor = caller.actor(&app).await?;
    let more = app.keyring.load().add_pepper().map_err(full)?;
    super::adopt(&app, &actor, more).await?;
    let id = app.keyring.load().current_id(Kind::Pepper);
    app.change(&actor, &[event("rotate_pepper", id)]).await?;
    Ok(answer(StatusCode::OK, &status(&app).await?))
}

fn full(fault: keywright_seal::keyring::KeyringFault) -> ApiError {
    ApiError::new(Code::Conflict).describe(format!("{fault}; drop a former one first"))
}

/// A record of what was done to a key of the keyring.
pub(crate) fn event(action: &'static str, id: u32) -> Change {
    Change::Event(Event {
        action,
        tenant: None,
        target: Some(id.to_string()),
        success: true,
    })
}

/// Whether every sealed value is under the current root key.
async fn is_done(app: &App) -> ApiResult<bool> {
    Ok(status(app)
        .await?
        .roots
        .iter()
        .all(|root| root.current || root.needed_by == 0))
}

async fn rewrap(app: &App) -> ApiResult<()> {
    for kind in SealedKind::ALL {
        let mut after: Option<SealedRow> = None;
        loop {
            let rows = app.store.sealed_rows(kind, after.as_ref(), PAGE).await?;
            let Some(last) = rows.last().cloned() else {
                break;
            };
            for row in rows {
                rewrap_row(app, kind, &row).await?;
            }
            after = Some(last);
        }
    }
    Ok(())
}

async fn rewrap_row(app: &App, kind: SealedKind, row: &SealedRow) -> ApiResult<()> {
    let keyring = app.keyring.load_full();
    let place: Place<'_> = match kind {
        SealedKind::SigningKeys => signing_keys::place(&row.tenant, &row.row),
        SealedKind::SubjectKeys => origin::place(&row.row),
        SealedKind::RequestSigning => request_signing::place(&row.tenant, &row.row),
    };
    let sealed = envelope::rewrap(&keyring, &place, &row.sealed).map_err(ApiError::internal)?;
    let Some(sealed) = sealed else { return Ok(()) };
    let mut tx = app.store.begin().await?;
    match tx.replace_sealed(kind, row, &sealed).await {
        Ok(()) => {}
        // It was removed meanwhile.
        Err(StoreError::Conflict) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let position = tx
        .commit(&keywright_core::change::Actor::operator(), app.now())
        .await?;
    // A node that holds the value under the former root must read it again before that is dropped.
    app.engine.catch_up(position.0).await?;
    Ok(())
}
