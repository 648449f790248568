//! `sign_out`: `POST /api/v1/auth/logout`.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use keywright_api::answer::SuccessBody;
use keywright_core::change::{Change, SessionOperation};
use keywright_core::user::Carrier;

use crate::app::App;
use crate::body::answer;
use crate::caller::Caller;
use crate::csrf;
use crate::error::{ApiError, ApiResult};

/// Tells the browser to forget everything of this site.
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Ends the caller's session
#[utoipa::path(
    post, path = "/api/v1/auth/logout", operation_id = "sign_out", tag = "auth",
    responses((status = 200, body = SuccessBody)),
)]
pub async fn sign_out(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    let session = caller.signed_in()?.session.clone();
    let carrier = session.carrier;
    let actor = caller.actor(&app).await?;
    let change = Change::Session(SessionOperation::End, Box::new(session), None);
    app.change(&actor, &[change]).await?;
    let mut response = answer(StatusCode::OK, &SuccessBody::new("Signed out"));
    if carrier == Carrier::Cookie {
        let cookie = HeaderValue::try_from(csrf::set_cookie(&app, "", 0));
        let cookie = cookie.map_err(ApiError::internal)?;
        response.headers_mut().insert(header::SET_COOKIE, cookie);
        let all = HeaderValue::from_static("\"cache\", \"cookies\", \"storage\"");
        response.headers_mut().insert(CLEAR_SITE_DATA, all);
    }
    Ok(response)
}
