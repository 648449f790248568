//! The answers that the listener gives itself, before any handler or layer sees the request. They look
//! like every other error: the same body, the same headers, an id.

use axum::body::Body;
use axum::response::IntoResponse;
use http::header::CONNECTION;
use http::{HeaderMap, HeaderValue, Response};
use keywright_api::code::Code;

use crate::error::ApiError;
use crate::guard::headers::{RequestId, dress};

/// What the listener has against a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    /// Instead of the code's own sentence.
    pub(super) sentence: Option<&'static str>,
}

impl Refusal {
    pub(super) const fn new(code: Code) -> Self {
        Self {
            code,
            sentence: None,
        }
    }

    /// The answer to a request with these headers, or in place of a response with these.
    pub(super) fn answer(self, headers: &HeaderMap, over_tls: bool, close: bool) -> Response<Body> {
        let id = RequestId::brought(headers).unwrap_or_else(RequestId::generate);
        let error = ApiError::new(self.code);
        let error = match self.sentence {
            Some(sentence) => error.describe(sentence),
            None => error,
        };
        let mut response = id.current_while(|| error.into_response());
        dress(response.headers_mut(), id, over_tls, false);
        if close {
            close_after(&mut response);
        }
        response
    }
}

/// Tells an HTTP/1 client not to send another request on this connection.
pub(super) fn close_after<B>(response: &mut Response<B>) {
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
}
