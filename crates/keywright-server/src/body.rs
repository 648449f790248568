//! Bodies: strict JSON in, JSON out.

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use keywright_api::code::Code;
use keywright_api::json;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Bytes of a management body (trust R20): a key with every list full is under 100 KiB.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The bytes of a JSON body, complete and of the right type. The text is read later by
/// [`JsonBytes::parse`], because an `Idempotency-Key` covers the bytes.
#[derive(Debug)]
pub struct JsonBytes(pub Bytes);

impl JsonBytes {
    /// Reads the body as `T`.
    ///
    /// # Errors
    /// `malformed_json` or `validation_failed`, with the path.
    pub fn parse<T: DeserializeOwned>(&self) -> ApiResult<T> {
        Ok(json::parse(&self.0)?)
    }
}

impl FromRequest<App> for JsonBytes {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &App) -> ApiResult<Self> {
        require_json(&request)?;
        read(request, BODY_BYTES_MAX).await.map(Self)
    }
}

/// Refuses a body that is not declared as JSON: browsers can send the other types across sites
/// without asking.
///
/// # Errors
/// `unsupported_media_type`.
pub fn require_json(request: &Request) -> ApiResult<()> {
    let declared = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = declared
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(ApiError::new(Code::UnsupportedMediaType))
    }
}

/// Reads a whole body of at most `limit` bytes.
///
/// # Errors
/// `payload_too_large`, or `invalid_request` when it breaks off.
pub async fn read(request: Request, limit: usize) -> ApiResult<Bytes> {
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let sentence = format!("the body is larger than {limit} bytes");
            Err(ApiError::new(Code::PayloadTooLarge).describe(sentence))
        }
        Err(_) => Err(ApiError::new(Code::InvalidRequest).describe("the body broke off")),
    }
}

impl From<json::JsonProblem> for ApiError {
    fn from(problem: json::JsonProblem) -> Self {
        Self::with_details(problem.code, vec![problem.detail])
    }
}

/// An answer of JSON. Serialising our own types does not fail; if it did, that is our trouble.
pub fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => answer_bytes(status, bytes),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

/// An answer of JSON that is already text.
pub fn answer_bytes(status: StatusCode, bytes: Vec<u8>) -> Response {
    let mut response = (status, bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
