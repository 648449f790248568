//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeated creating call answers
//! what the first one answered, without the secret, and does nothing again.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode};
use keywright_api::code::Code;
use keywright_core::time::Timestamp;
use keywright_core::token::digest::{Digest, Pepper, PepperId};
use keywright_store::{Remembered, Tx};

use crate::app::App;
use crate::body::answer_bytes;
use crate::caller::{Caller, Principal};
use crate::error::{ApiError, ApiResult};

/// Characters of an `Idempotency-Key`.
const KEY_CHARACTERS_MAX: usize = 255;
/// Says that an answer is a repetition.
const REPLAYED: &str = "idempotent-replayed";

/// Scopes being served right now on this node.
#[derive(Debug, Default, Clone)]
pub(crate) struct InProgress(Arc<Mutex<HashSet<Digest>>>);

/// A creating call that may be repeated.
#[derive(Debug)]
pub struct Idempotent {
    scope: Digest,
    fingerprint: Digest,
    in_progress: InProgress,
}

/// How a creating call is to go on.
#[derive(Debug)]
pub enum Attempt {
    /// No `Idempotency-Key` was sent.
    Plain,
    /// The first time: do it, and remember the answer in the same transaction.
    First(Idempotent),
    /// It was done: answer this.
    Repeated(Box<Response>),
}

impl Attempt {
    /// Reads the header and looks whether this was done before.
    ///
    /// # Errors
    /// `invalid_request` for a bad header, `idempotency_mismatch` when the same key came with
    /// another request, `idempotency_in_progress` while the first one runs.
    pub async fn begin(
        app: &App,
        caller: &Caller,
        headers: &HeaderMap,
        route: &str,
        body: &[u8],
    ) -> ApiResult<Self> {
        let Some(key) = header(headers)? else {
            return Ok(Self::Plain);
        };
        let who = match &caller.principal {
            Principal::User(user) => user.user.id.to_string(),
            Principal::Key(key) => key.id.to_string(),
        };
        let scope = digest(&format!("{who}\n{route}\n{key}"));
        let fingerprint = digest(&format!("{route}\n{}", hex::encode(body)));
        let idempotent = Idempotent::enter(&app.in_progress, scope, fingerprint)?;
        match app.store.remembered(&scope).await? {
            None => Ok(Self::First(idempotent)),
            Some(done) if done.fingerprint == fingerprint => {
                Ok(Self::Repeated(Box::new(replay(done))))
            }
            Some(_) => Err(ApiError::new(Code::IdempotencyMismatch)),
        }
    }

    /// What to remember with the change, if anything.
    #[must_use]
    pub const fn idempotent(&self) -> Option<&Idempotent> {
        match self {
            Self::First(idempotent) => Some(idempotent),
            Self::Plain | Self::Repeated(_) => None,
        }
    }
}

impl Idempotent {
    fn enter(in_progress: &InProgress, scope: Digest, fingerprint: Digest) -> ApiResult<Self> {
        let mut running = in_progress.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !running.insert(scope) {
            return Err(ApiError::new(Code::IdempotencyInProgress).retry_after(1));
        }
        Ok(Self {
            scope,
            fingerprint,
            in_progress: in_progress.clone(),
        })
    }

    /// Remembers the answer in the transaction of the change. `body` must hold no secret.
    ///
    /// # Errors
    /// When another node was first.
    pub(crate) async fn remember(
        &self,
        tx: &mut Tx,
        status: u16,
        body: &[u8],
        now: Timestamp,
    ) -> ApiResult<()> {
        let remembered = Remembered {
            fingerprint: self.fingerprint,
            status,
            body: body.to_vec(),
        };
        tx.remember(&self.scope, &remembered, now).await?;
        Ok(())
    }
}

impl Drop for Idempotent {
    fn drop(&mut self) {
        let mut running = self
            .in_progress
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        running.remove(&self.scope);
    }
}

fn replay(done: Remembered) -> Response {
    let status = StatusCode::from_u16(done.status).unwrap_or(StatusCode::OK);
    let mut response = answer_bytes(status, done.body);
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// The header's value: a structured string in quotes, or the bare text.
fn header(headers: &HeaderMap) -> ApiResult<Option<String>> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let problem = || {
        ApiError::new(Code::InvalidRequest)
            .describe("`Idempotency-Key` is one text of 1 to 255 printable ASCII characters")
    };
    let text = value.to_str().map_err(|_| problem())?.trim();
    let text = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(text);
    let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
    let fits = !text.is_empty() && text.len() <= KEY_CHARACTERS_MAX;
    if values.next().is_some() || !printable || !fits {
        return Err(problem());
    }
    Ok(Some(text.to_owned()))
}

/// Keeps what callers send out of the database: only its digest is stored.
fn digest(text: &str) -> Digest {
    Pepper::new(PepperId(0), b"keywright idempotency digest: /1").digest(text)
}
