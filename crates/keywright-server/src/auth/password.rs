//! `change_password`: `POST /api/v1/auth/password`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::answer::SuccessBody;
use keywright_api::code::Code;
use keywright_api::session::ChangePassword;
use keywright_core::change::{Change, Edit};
use keywright_core::user::User;

use super::sessions;
use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::caller::Caller;
use crate::error::{ApiError, ApiResult};
use crate::guard::attempts::Source;
use crate::session_token;

/// Changes the caller's password
///
/// Every other session of the caller ends.
#[utoipa::path(
    post, path = "/api/v1/auth/password", operation_id = "change_password", tag = "auth",
    request_body = ChangePassword, responses((status = 200, body = SuccessBody)),
)]
pub async fn change_password(
    State(app): State<App>,
    caller: Caller,
    body: JsonBytes,
) -> ApiResult<Response> {
    let signed_in = caller.signed_in()?;
    let wish: ChangePassword = body.parse()?;
    let user = &signed_in.user;
    // The same limit as at the door: a stolen session must not try passwords.
    let (source, account) = (
        Source::of(caller.address),
        *session_token::digest(&user.email).as_bytes(),
    );
    app.attempts
        .check(source, Some(account), app.now())
        .map_err(|later| ApiError::new(Code::TooManyAttempts).retry_after(later.seconds))?;
    let record = app
        .store
        .user(user.id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let current = wish.current_password.into_secret();
    if !super::password_matches(&app, record.password, current).await? {
        app.attempts.failed(source, Some(account), app.now());
        return Err(ApiError::new(Code::InvalidCredentials));
    }
    app.attempts.succeeded(source, account);
    let hashed = super::new_password(
        &app,
        "new_password",
        wish.new_password.into_secret(),
        &[&user.email],
    )
    .await?;
    let after = User {
        version: user.version.saturating_add(1),
        ..user.clone()
    };
    let mut changes = vec![Change::User(
        Edit::update(user.clone(), after),
        Some(hashed),
    )];
    changes.extend(sessions::endings(&app, user.id, Some(signed_in.session.id)).await?);
    let actor = caller.actor(&app).await?;
    app.change(&actor, &changes).await?;
    // A sign-in that was committed since the sessions were read; a later one finds the account changed.
    let slipped_in = sessions::endings(&app, user.id, Some(signed_in.session.id)).await?;
    app.change(&actor, &slipped_in).await?;
    Ok(answer(
        StatusCode::OK,
        &SuccessBody::new("Password changed; other sessions have ended"),
    ))
}
