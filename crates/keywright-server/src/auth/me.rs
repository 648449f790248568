//! `get_me`: `GET /api/v1/auth/me`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::session::{MeBody, MemberOf};
use keywright_core::user::{Carrier, User};

use crate::app::App;
use crate::body::answer;
use crate::caller::Caller;
use crate::csrf;
use crate::error::ApiResult;

/// Shows the caller's account
#[utoipa::path(
    get, path = "/api/v1/auth/me", operation_id = "get_me", tag = "auth",
    responses((status = 200, body = MeBody)),
)]
pub async fn get_me(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    let signed_in = caller.signed_in()?;
    let mut shown = body(&app, &signed_in.user).await?;
    if signed_in.session.carrier == Carrier::Cookie {
        shown.csrf_token = Some(csrf::token(&app, &signed_in.session));
    }
    Ok(answer(StatusCode::OK, &shown))
}

/// An account with its tenants.
///
/// # Errors
/// When the store is in trouble.
pub async fn body(app: &App, user: &User) -> ApiResult<MeBody> {
    let mut tenants = Vec::new();
    for membership in app.store.memberships(user.id).await? {
        if let Some(tenant) = app.store.tenant(&membership.tenant.to_string()).await? {
            tenants.push(MemberOf::new(&tenant, membership.role));
        }
    }
    Ok(MeBody::new(user, tenants))
}
