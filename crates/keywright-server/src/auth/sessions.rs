//! The caller's own sessions: `list_sessions`, `end_session`, `end_other_sessions`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::answer::SuccessBody;
use keywright_api::session::{Origin, SessionBody};
use keywright_core::change::{Change, SessionOperation};
use keywright_core::id::{SessionId, UserId};

use crate::app::App;
use crate::body::answer;
use crate::caller::Caller;
use crate::error::{ApiError, ApiResult};
use crate::origin;
use crate::path::PathParts;

/// Lists the caller's sessions
#[utoipa::path(
    get, path = "/api/v1/auth/sessions", operation_id = "list_sessions", tag = "auth",
    responses((status = 200, body = Vec<SessionBody>)),
)]
pub async fn list_sessions(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    let signed_in = caller.signed_in()?;
    let shown = shown(&app, signed_in.user.id, Some(signed_in.session.id)).await?;
    Ok(answer(StatusCode::OK, &shown))
}

/// Ends all of the caller's sessions but this one
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions", operation_id = "end_other_sessions", tag = "auth",
    responses((status = 200, body = SuccessBody)),
)]
pub async fn end_other_sessions(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    let signed_in = caller.signed_in()?;
    let endings = endings(&app, signed_in.user.id, Some(signed_in.session.id)).await?;
    app.change(&caller.actor(&app).await?, &endings).await?;
    Ok(answer(
        StatusCode::OK,
        &SuccessBody::new("Other sessions have ended"),
    ))
}

/// Ends one of the caller's sessions
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{session}", operation_id = "end_session", tag = "auth",
    params(("session" = String, Path, description = "Identifier of the session")),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn end_session(
    State(app): State<App>,
    caller: Caller,
    path: PathParts,
) -> ApiResult<Response> {
    let signed_in = caller.signed_in()?;
    let id: SessionId = path
        .get("session")?
        .parse()
        .map_err(|_| ApiError::not_found())?;
    let session = app
        .store
        .session(id)
        .await?
        .filter(|session| session.user == signed_in.user.id)
        .ok_or_else(ApiError::not_found)?;
    let change = Change::Session(SessionOperation::End, Box::new(session), None);
    app.change(&caller.actor(&app).await?, &[change]).await?;
    Ok(answer(StatusCode::OK, &SuccessBody::new("Session ended")))
}

/// A user's sessions as they are shown.
///
/// # Errors
/// When the store is in trouble.
pub async fn shown(
    app: &App,
    user: UserId,
    current: Option<SessionId>,
) -> ApiResult<Vec<SessionBody>> {
    let mut shown = Vec::new();
    let now = app.now();
    for session in app.store.sessions_of(user).await? {
        if now >= session.expires_at {
            continue;
        }
        let opened = match &session.origin {
            Some(sealed) => origin::open(app, user, sealed).await?,
            None => None,
        };
        let origin = opened.map(|it| Origin {
            address: Some(it.address.to_string()),
            user_agent: it.user_agent,
        });
        let is_current = current == Some(session.id);
        shown.push(SessionBody::new(
            &session,
            is_current,
            origin.unwrap_or_default(),
        ));
    }
    Ok(shown)
}

/// The changes that end a user's sessions, but for `kept`.
///
/// # Errors
/// When the store is in trouble.
pub async fn endings(app: &App, user: UserId, kept: Option<SessionId>) -> ApiResult<Vec<Change>> {
    let sessions = app.store.sessions_of(user).await?;
    Ok(sessions
        .into_iter()
        .filter(|session| kept != Some(session.id))
        .map(|session| Change::Session(SessionOperation::End, Box::new(session), None))
        .collect())
}
