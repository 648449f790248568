//! `refresh_session`: `POST /api/v1/auth/refresh`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::code::Code;
use keywright_api::session::{Refresh, TokenBody};
use keywright_core::change::{Change, SessionOperation};
use keywright_core::user::{Carrier, Session};

use super::{Tokens, Visitor, access_end};
use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::error::{ApiError, ApiResult};
use crate::guard::attempts::Source;
use crate::session_token::{self, Use};

/// Renews a session's tokens
///
/// Both are replaced. A refresh token that was replaced already ends the session: two have it.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", operation_id = "refresh_session", tag = "auth",
    request_body = Refresh, responses((status = 200, body = TokenBody)),
)]
pub async fn refresh_session(
    State(app): State<App>,
    visitor: Visitor,
    body: JsonBytes,
) -> ApiResult<Response> {
    let refresh: Refresh = body.parse()?;
    let source = Source::of(visitor.address);
    let now = app.now();
    app.attempts
        .check(source, None, now)
        .map_err(|later| ApiError::new(Code::TooManyAttempts).retry_after(later.seconds))?;
    let token = refresh.refresh_token.into_secret();
    let digest = session_token::read(Use::Refresh, token.expose());
    let found = match &digest {
        Some(digest) => app.store.session_by_refresh(digest).await?,
        None => None,
    };
    let Some(found) = found else {
        app.attempts.failed(source, None, now);
        return Err(ApiError::new(Code::Unauthenticated));
    };
    let session = found.session;
    let actor = visitor.actor(&app, Some(session.user)).await?;
    if found.reused {
        let change = Change::Session(SessionOperation::End, Box::new(session), None);
        app.change(&actor, &[change]).await?;
        return Err(ApiError::new(Code::SessionExpired));
    }
    let user = app.store.user(session.user).await?;
    if now >= session.expires_at || user.is_none_or(|it| it.user.disabled_at.is_some()) {
        return Err(ApiError::new(Code::SessionExpired));
    }
    let tokens = Tokens::mint(Carrier::Bearer);
    let ends = access_end(&app, Carrier::Bearer, now);
    let life = ends.seconds().saturating_sub(now.seconds());
    let renewed = Session {
        renewed_at: now,
        access_expires_at: ends,
        ..session
    };
    let renewal = Change::Session(
        SessionOperation::Renew,
        Box::new(renewed),
        Some(tokens.digests(digest)),
    );
    app.change(&actor, &[renewal]).await?;
    let refresh = tokens
        .refresh
        .ok_or_else(|| ApiError::internal("no refresh token was made"))?;
    let life = u64::try_from(life).unwrap_or(0);
    Ok(answer(
        StatusCode::OK,
        &TokenBody::new(tokens.access, life, refresh),
    ))
}
