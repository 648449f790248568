//! `sign_in`: `POST /api/v1/auth/login`.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use keywright_api::code::Code;
use keywright_api::session::{CookieSession, Login, TokenBody};
use keywright_core::change::{Change, Edit, Event, SessionOperation};
use keywright_core::id::UserId;
use keywright_core::secret::Secret;
use keywright_core::time::Timestamp;
use keywright_core::user::{Carrier, Session, User, normalise_email};
use keywright_seal::password::needs_rehash;
use keywright_store::UserRecord;

use super::{Tokens, Visitor, begin_session, me};
use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::csrf;
use crate::error::{ApiError, ApiResult};
use crate::guard::attempts::Source;
use crate::session_token::{self, Use};

/// Signs in with a password
///
/// Answers an access and a refresh token; with `"cookie": true` a session cookie and its CSRF token.
#[utoipa::path(
    post, path = "/api/v1/auth/login", operation_id = "sign_in", tag = "auth", request_body = Login,
    responses((status = 200, body = TokenBody)),
)]
pub async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    headers: HeaderMap,
    body: JsonBytes,
) -> ApiResult<Response> {
    let login: Login = body.parse()?;
    if login.cookie {
        // Another site must not sign a browser in to an account of its own.
        csrf::check_site(&app, &headers)?;
    }
    let source = Source::of(visitor.address);
    let email = normalise_email(&login.email).unwrap_or_default();
    let account = *session_token::digest(&email).as_bytes();
    app.attempts
        .check(source, Some(account), app.now())
        .map_err(|later| ApiError::new(Code::TooManyAttempts).retry_after(later.seconds))?;
    let password = login.password.into_secret();
    let record = app.store.user_by_email(&email).await?;
    let known = record.as_ref().map(|record| record.user.id);
    let Some(user) = prove(&app, record, password).await? else {
        return Err(refused(&app, &visitor, source, (account, known)).await?);
    };
    app.attempts.succeeded(source, account);
    let carrier = if login.cookie {
        Carrier::Cookie
    } else {
        Carrier::Bearer
    };
    let actor = visitor.actor(&app, Some(user.id)).await?;
    let (session, tokens, change) = begin_session(&app, user.id, carrier, &actor);
    let mut changes = vec![change];
    if login.cookie {
        changes.extend(former_session(&app, &headers).await?);
    }
    app.change_proven(&actor, &changes, &user).await?;
    welcome(&app, &user, &session, tokens).await
}

/// The end of the session that the browser brought: it may have been planted (session fixation).
async fn former_session(app: &App, headers: &HeaderMap) -> ApiResult<Option<Change>> {
    let cookie = csrf::cookie(app, headers);
    let Some(digest) = cookie.and_then(|cookie| session_token::read(Use::Cookie, &cookie)) else {
        return Ok(None);
    };
    let session = app.store.session_by_access(&digest).await?;
    Ok(session.map(|it| Change::Session(SessionOperation::End, Box::new(it), None)))
}

/// The user, if the password is right and the account works.
async fn prove(app: &App, record: Option<UserRecord>, password: Secret) -> ApiResult<Option<User>> {
    let stored = record.as_ref().and_then(|record| record.password.clone());
    let typed = Secret::new(password.expose().to_owned());
    if !super::password_matches(app, stored.clone(), password).await? {
        return Ok(None);
    }
    let Some(UserRecord { user, .. }) = record else {
        return Ok(None);
    };
    if user.disabled_at.is_some() {
        return Ok(None);
    }
    let stale = stored.is_some_and(|hash| needs_rehash(&app.keyring.load(), hash.as_str()));
    Ok(Some(if stale {
        rehash(app, user, typed).await
    } else {
        user
    }))
}

/// Stores the password under today's parameters. That it fails must not keep anybody out.
async fn rehash(app: &App, user: User, password: Secret) -> User {
    let hashed = super::new_password(app, "password", password, &[]).await;
    let Ok(hashed) = hashed else { return user };
    let after = User {
        version: user.version.saturating_add(1),
        ..user.clone()
    };
    let change = Change::User(Edit::update(user.clone(), after.clone()), Some(hashed));
    let actor = keywright_core::change::Actor::operator();
    match app.change(&actor, &[change]).await {
        Ok(()) => after,
        Err(error) => {
            tracing::warn!(error.cause = %error, "a password was not stored under today's parameters");
            user
        }
    }
}

/// The one answer to every failure, after leaving a record of it.
pub(super) async fn refused(
    app: &App,
    visitor: &Visitor,
    source: Source,
    (account, known): ([u8; 32], Option<UserId>),
) -> ApiResult<ApiError> {
    app.attempts.failed(source, Some(account), app.now());
    let Some(passed_over) = app.records.admit(app.now()) else {
        return Ok(ApiError::new(Code::InvalidCredentials));
    };
    let event = Event {
        action: "sign_in_failed",
        tenant: None,
        target: known.map(|user| user.to_string()),
        success: false,
    };
    let actor = visitor.actor(app, None).await?;
    let mut changes = vec![Change::Event(event)];
    if passed_over > 0 {
        changes.push(Change::Event(Event {
            action: "sign_in_failures_passed_over",
            tenant: None,
            target: Some(passed_over.to_string()),
            success: false,
        }));
    }
    app.change(&actor, &changes).await?;
    Ok(ApiError::new(Code::InvalidCredentials))
}

async fn welcome(app: &App, user: &User, session: &Session, tokens: Tokens) -> ApiResult<Response> {
    let life = |end: Timestamp| {
        u64::try_from(end.seconds().saturating_sub(session.renewed_at.seconds())).unwrap_or(0)
    };
    let Some(refresh) = tokens.refresh else {
        let body = CookieSession {
            csrf_token: Secret::new(csrf::token(app, session)),
            expires_in: life(session.access_expires_at),
            me: me::body(app, user).await?,
        };
        let mut response = answer(StatusCode::OK, &body);
        let cookie = csrf::set_cookie(app, tokens.access.expose(), life(session.expires_at));
        let cookie = HeaderValue::try_from(cookie).map_err(ApiError::internal)?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        return Ok(response);
    };
    Ok(answer(
        StatusCode::OK,
        &TokenBody::new(tokens.access, life(session.access_expires_at), refresh),
    ))
}
