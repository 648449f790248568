//! Keys over HTTP: one file per operation.

pub mod create;
pub mod delete;
pub mod disable;
pub mod enable;
pub mod get;
pub mod issue;
pub mod limits;
pub mod list;
pub mod revoke;
pub mod rules;
pub mod update;

use axum::response::Response;
use http::{StatusCode, header};
use keywright_api::key::{KeyBody, KeyView};
use keywright_core::access::{Permission, Reach};
use keywright_core::change::Change;
use keywright_core::id::KeyId;
use keywright_core::key::{Key, KeyChange};
use keywright_core::time::Timestamp;
use keywright_store::KeyRecord;

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::etag;

/// The key of the path, if the caller may see it. One that belongs to another user answers as one
/// that does not exist.
///
/// # Errors
/// `not_found`; `forbidden` when the caller may not do this to any key.
pub async fn find(
    app: &App,
    context: &InTenant,
    id: &str,
    permission: Permission,
) -> ApiResult<KeyRecord> {
    // Whoever may write their own keys only, but see all, is told `forbidden` for the others.
    let reach = context.require(permission)?;
    let id: KeyId = id.parse().map_err(|_| ApiError::not_found())?;
    let record = app
        .store
        .key(context.tenant.id, id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    match reach {
        Reach::All => Ok(record),
        Reach::Own(user) if record.key.owner == Some(user) => Ok(record),
        Reach::Own(_) if context.has(Permission::ReadKeys) => Err(ApiError::forbidden()),
        Reach::Own(_) | Reach::Nothing => Err(ApiError::not_found()),
    }
}

/// Makes a change of a key, and returns when it is in force.
///
/// # Errors
/// As [`App::change`].
pub async fn make(app: &App, context: &InTenant, change: KeyChange) -> ApiResult<()> {
    let actor = context.caller.actor(app).await?;
    app.change(
        &actor,
        &[Change::Key {
            change,
            credentials: None,
        }],
    )
    .await
}

/// A key as it is shown.
#[must_use]
pub fn shown(record: &KeyRecord, now: Timestamp) -> KeyBody {
    let view = KeyView {
        owner_email: record.owner_email.as_deref(),
        last_used_at: record.last_used_at,
        last_address: record.last_address,
    };
    KeyBody::new(&record.key, view, now)
}

/// The answer that shows a key, with its `ETag`.
#[must_use]
pub fn show(record: &KeyRecord, now: Timestamp) -> Response {
    let mut response = answer(StatusCode::OK, &shown(record, now));
    response
        .headers_mut()
        .insert(header::ETAG, etag::of(record.key.version));
    response
}

/// The record with the key as it is after a change.
#[must_use]
pub fn after(record: KeyRecord, key: Option<Key>) -> KeyRecord {
    match key {
        Some(key) => KeyRecord { key, ..record },
        None => record,
    }
}
