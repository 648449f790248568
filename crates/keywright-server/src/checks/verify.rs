//! `verify_key`: `POST /api/v1/verify`.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use keywright_api::json;
use keywright_api::verify::{VerifyAnswer, VerifyRequest};

use super::{Asker, fields};
use crate::app::App;
use crate::body::{self, answer};
use crate::error::ApiResult;

/// Bytes of a check (trust R20): a key of 4 KiB with an expression of 2 KiB fits eightfold.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Checks a key
///
/// Answers 200 whatever the verdict: `valid` and `code` say it.
#[utoipa::path(
    post, path = "/api/v1/verify", operation_id = "verify_key", tag = "checks",
    request_body = VerifyRequest,
    responses((status = 200, body = VerifyAnswer)),
)]
pub async fn verify_key(
    State(app): State<App>,
    asker: Asker,
    request: Request,
) -> ApiResult<Response> {
    body::require_json(&request)?;
    let bytes = body::read(request, BODY_BYTES_MAX).await?;
    let question: VerifyRequest<'_> = json::parse_flat(&bytes)?;
    let found = super::ask(&app, &asker, &question, app.now()).await?;
    let mut response = answer(StatusCode::OK, &found.answer(&asker.request_id));
    fields::add(response.headers_mut(), found.charged());
    Ok(response)
}
