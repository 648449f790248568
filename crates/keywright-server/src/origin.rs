//! Where an actor came from, sealed under the person's own key (trust S23): destroying that key
//! erases the person from the audit trail without breaking its chain.

use std::net::IpAddr;

use keywright_core::id::UserId;
use keywright_seal::envelope::Place;
use keywright_seal::subject::SubjectKey;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// The name under which origins are sealed.
const FIELD: &str = "origin";

/// Address and program of a caller.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Origin {
    /// The client's address.
    pub address: IpAddr,
    /// The `User-Agent`.
    pub user_agent: Option<String>,
}

/// Seals where `user` came from. `None` when the user does not exist (any more).
///
/// # Errors
/// When the store is in trouble.
pub async fn seal(
    app: &App,
    user: UserId,
    address: IpAddr,
    user_agent: Option<&str>,
) -> ApiResult<Option<Vec<u8>>> {
    let Some(key) = subject_key(app, user).await? else {
        return Ok(None);
    };
    let origin = Origin {
        address,
        user_agent: user_agent.map(ToOwned::to_owned),
    };
    let text = serde_json::to_vec(&origin).map_err(ApiError::internal)?;
    key.seal_personal(FIELD, &text)
        .map(Some)
        .map_err(ApiError::internal)
}

/// Opens what [`seal`] sealed. `None` when it was erased.
///
/// # Errors
/// When the store is in trouble.
pub async fn open(app: &App, user: UserId, sealed: &[u8]) -> ApiResult<Option<Origin>> {
    let Some(stored) = app.store.subject_key(user).await? else {
        return Ok(None);
    };
    let row = user.to_string();
    let Ok(key) = SubjectKey::open(&app.keyring.load(), &place(&row), &stored) else {
        return Ok(None);
    };
    let text = key.open_personal(FIELD, sealed).ok();
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

async fn subject_key(app: &App, user: UserId) -> ApiResult<Option<SubjectKey>> {
    let row = user.to_string();
    let place = place(&row);
    let keyring = app.keyring.load_full();
    if app.store.subject_key(user).await?.is_none() {
        let sealed = SubjectKey::generate()
            .seal(&keyring, &place)
            .map_err(ApiError::internal)?;
        // Another request may have been first: what is stored counts.
        app.store.put_subject_key(user, &sealed).await?;
    }
    let Some(stored) = app.store.subject_key(user).await? else {
        return Ok(None);
    };
    SubjectKey::open(&keyring, &place, &stored)
        .map(Some)
        .map_err(ApiError::internal)
}

/// Where the sealed key stands; part of its seal, so that keys cannot be swapped.
#[must_use]
pub fn place(user: &str) -> Place<'_> {
    Place {
        tenant: "",
        table: "subject_keys",
        column: "sealed",
        row: user,
    }
}
