//! The answers that the listener gives itself, before any handler or layer sees the request. They look
//! like every other error: the same body, the same headers, an id.

use axum::body::Body;
use axum::response::IntoResponse;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use keywright_api::code::Code;
use keywright_api::error::ErrorBody;

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

/// Bytes of the longest automatic answer of hyper: a status line and three short header lines.
const AUTOMATIC_BYTES_MAX: usize = 256;

/// hyper answers a head that it cannot read by itself, without a body, and has no hook for it (1.12).
/// When `bytes` are such an answer, these are to be written instead. Answers of handlers are longer or
/// succeed; where one is a bare 400, it may as well say why.
pub(super) fn instead_of_automatic(bytes: &[u8], over_tls: bool) -> Option<Vec<u8>> {
    let is_error = bytes.starts_with(b"HTTP/1.1 4") || bytes.starts_with(b"HTTP/1.0 4");
    if !is_error || bytes.len() > AUTOMATIC_BYTES_MAX || !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let head = std::str::from_utf8(bytes).ok()?;
    if !head.contains("\r\ncontent-length: 0\r\n") || !head.contains("\r\nconnection: close\r\n") {
        return None;
    }
    let (code, sentence) = match head.get(9..12)? {
        "400" => (
            Code::InvalidRequest,
            Some("the request cannot be read as HTTP"),
        ),
        "414" => (Code::UriTooLong, None),
        "431" => (Code::HeadersTooLarge, None),
        _ => return None,
    };
    let id = RequestId::generate();
    let body = ErrorBody::new(code, id.to_string());
    let body = match sentence {
        Some(sentence) => body.describe(sentence),
        None => body,
    };
    let body = serde_json::to_vec(&body).ok()?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    dress(&mut headers, id, over_tls, false);
    let head = head.trim_end().replace(
        "content-length: 0",
        &format!("content-length: {}", body.len()),
    );
    let mut text = head.into_bytes();
    for (name, value) in &headers {
        text.extend([b"\r\n", name.as_str().as_bytes(), b": ", value.as_bytes()].concat());
    }
    text.extend(b"\r\n\r\n");
    text.extend(body);
    Some(text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    const DATE: &str = "date: Sat, 21 Nov 2026 01:00:00 GMT";

    fn replaced(head: &str) -> Option<String> {
        let bytes = instead_of_automatic(head.as_bytes(), false)?;
        Some(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn an_answer_without_a_word_gets_one_of_the_right_length() {
        for (status, code) in [
            ("400 Bad Request", "invalid_request"),
            ("414 URI Too Long", "uri_too_long"),
            ("431 Request Header Fields Too Large", "headers_too_large"),
        ] {
            let head = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n{DATE}\r\n\r\n"
            );
            let text = replaced(&head).unwrap();
            assert!(
                text.starts_with(&format!("HTTP/1.1 {status}\r\n")),
                "{text}"
            );
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
            assert_eq!(head.matches("content-length").count(), 1);
            assert!(body.contains(code), "{body}");
        }
    }

    #[test]
    fn every_other_answer_stays_as_it_is() {
        for head in [
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 7\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: x\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\nmore",
            "HTTP/1.1 4",
            "",
        ] {
            assert_eq!(replaced(head), None, "{head}");
        }
    }
}
