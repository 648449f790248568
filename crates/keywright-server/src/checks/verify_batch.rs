//! `verify_keys`: `POST /api/v1/verify/batch`.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use keywright_api::json;
use keywright_api::verify::{BatchAnswer, BatchRequest};

use super::Asker;
use crate::app::App;
use crate::body::{self, BODY_BYTES_MAX, answer};
use crate::error::{ApiError, ApiResult};

/// Checks up to 1 000 keys
///
/// The answers stand in the order of the checks. One that cannot be meant refuses the call.
#[utoipa::path(
    post, path = "/api/v1/verify/batch", operation_id = "verify_keys", tag = "checks",
    request_body = BatchRequest,
    responses((status = 200, body = BatchAnswer)),
)]
pub async fn verify_keys(
    State(app): State<App>,
    asker: Asker,
    request: Request,
) -> ApiResult<Response> {
    body::require_json(&request)?;
    let bytes = body::read(request, BODY_BYTES_MAX).await?;
    let batch: BatchRequest<'_> = json::parse_flat(&bytes)?;
    batch.validate().map_err(ApiError::invalid)?;
    let now = app.now();
    let mut found = Vec::with_capacity(batch.checks.len());
    for (index, check) in batch.checks.iter().enumerate() {
        let one = super::ask(&app, &asker, &check.0, now).await;
        found.push(one.map_err(|error| error.under(&format!("checks[{index}]")))?);
    }
    let answers = found
        .iter()
        .map(|one| one.answer(&asker.request_id))
        .collect();
    Ok(answer(StatusCode::OK, &BatchAnswer { answers }))
}
