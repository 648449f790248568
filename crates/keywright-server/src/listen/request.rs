//! One request between hyper and the router: refuses what could be read two ways, says who the peer
//! is, and turns a body that came too late into 408.
//!
//! What hyper 1.12 does before this (tests/listen.rs holds it to it): 400 and close for a bare CR, a
//! folded line, HTTP/1.0 with `Transfer-Encoding`, differing `Content-Length`s, a last coding other
//! than `chunked`, whitespace before a colon; a bare LF ends a line (RFC 9112, 2.2). For both
//! `Content-Length` and `Transfer-Encoding` it drops the length, reads by chunks, answers, and closes
//! (RFC 9112, 6.3): the length is gone before anything here could see it, and what follows the
//! message is never read as a request.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, Uri, Version};
use hyper::body::{Body as _, Incoming};
use keywright_api::code::Code;
use pin_project_lite::pin_project;
use tower::util::Oneshot;
use tower::{Service, ServiceExt};

use super::activity::{Activity, InFlight};
use super::body::{RequestBody, ResponseBody};
use super::refusal::{Refusal, close_after};

/// Stands in the extensions of a request that came over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverTls;

/// Whether a request came to us over TLS, by its extensions.
#[must_use]
pub fn is_over_tls(extensions: &Extensions) -> bool {
    extensions.get::<OverTls>().is_some()
}

/// The hyper service of one connection.
pub(super) struct Inbound<S> {
    pub(super) service: S,
    pub(super) activity: Arc<Activity>,
    pub(super) peer: SocketAddr,
    pub(super) over_tls: bool,
    pub(super) uri_bytes: usize,
    pub(super) body_read: Duration,
}

impl<S> hyper::service::Service<Request<Incoming>> for Inbound<S>
where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible> + Clone,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Answer<S>;

    fn call(&self, request: Request<Incoming>) -> Answer<S> {
        let http2 = request.version() == Version::HTTP_2;
        let in_flight = Some(self.activity.begin(http2));
        if let Some(refusal) = objection(&request, self.uri_bytes) {
            if !request.body().is_end_stream() {
                self.activity.left_body_unread();
            }
            return Answer::Refused {
                response: Some(refusal.answer(request.headers(), self.over_tls, !http2)),
                in_flight,
            };
        }
        let late = (!request.body().is_end_stream()).then(|| self.activity.late_flag());
        let activity = Arc::clone(&self.activity);
        // Whoever waits for `100 Continue` sends nothing that could be read away.
        let discards = !http2 && !request.headers().contains_key(EXPECT);
        let mut request = request
            .map(|body| RequestBody::new(body, self.body_read, late.clone(), activity, discards));
        request.extensions_mut().insert(ConnectInfo(self.peer));
        if self.over_tls {
            request.extensions_mut().insert(OverTls);
        }
        let future = self.service.clone().oneshot(request);
        Answer::Handled {
            future,
            late,
            http2,
            over_tls: self.over_tls,
            in_flight,
        }
    }
}

/// Why a request is refused before any handler sees it.
fn objection<B>(request: &Request<B>, uri_bytes: usize) -> Option<Refusal> {
    if uri_length(request.uri()) > uri_bytes {
        return Some(Refusal::new(Code::UriTooLong));
    }
    if request.version() < Version::HTTP_2 {
        let sentence = ambiguity(request.headers(), request.version())?;
        return Some(Refusal {
            code: Code::InvalidRequest,
            sentence: Some(sentence),
        });
    }
    None
}

/// What a proxy in front and we could read differently (RFC 9112, 3.2, 6.1 and 11.2).
fn ambiguity(headers: &HeaderMap, version: Version) -> Option<&'static str> {
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && version == Version::HTTP_11) {
        return Some("the request must have one `Host` header");
    }
    if !headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    if headers.contains_key(CONTENT_LENGTH) {
        return Some("the request has both `Content-Length` and `Transfer-Encoding`");
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_some_and(chunked) && codings.next().is_none() {
        return None;
    }
    Some("the only transfer coding taken is `chunked`, once")
}

fn uri_length(uri: &Uri) -> usize {
    let target = uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    target
        + uri
            .authority()
            .map_or(0, |authority| authority.as_str().len())
}

pin_project! {
    /// The answer to one request.
    #[project = AnswerProjection]
    pub(super) enum Answer<S>
    where
        S: Service<Request<RequestBody>>,
    {
        Refused {
            response: Option<Response<Body>>,
            in_flight: Option<InFlight>,
        },
        Handled {
            #[pin]
            future: Oneshot<S, Request<RequestBody>>,
            late: Option<Arc<AtomicBool>>,
            http2: bool,
            over_tls: bool,
            in_flight: Option<InFlight>,
        },
    }
}

impl<S> Future for Answer<S>
where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible>,
{
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (response, in_flight) = match self.project() {
            AnswerProjection::Refused {
                response,
                in_flight,
            } => (response.take().unwrap_or_default(), in_flight),
            AnswerProjection::Handled {
                future,
                late,
                http2,
                over_tls,
                in_flight,
            } => {
                let Ok(mut response) = ready!(future.poll(cx));
                let is_late = late.as_ref().is_some_and(|late| late.load(Relaxed));
                if is_late {
                    // Under the id that the layers gave the request.
                    let refusal = Refusal::new(Code::RequestTimeout);
                    response = refusal.answer(response.headers(), *over_tls, !*http2);
                }
                let closes = in_flight
                    .as_ref()
                    .is_some_and(|it| it.activity().closes_after_response());
                if closes && !*http2 {
                    close_after(&mut response);
                }
                (response, in_flight)
            }
        };
        // A future is not polled again once it is ready.
        let Some(in_flight) = in_flight.take() else {
            return Poll::Pending;
        };
        Poll::Ready(Ok(response.map(|body| ResponseBody::new(body, in_flight))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn ambiguous(lines: &[(&str, &str)], version: Version) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name: http::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        ambiguity(&headers, version).is_some()
    }

    #[test]
    fn one_host_is_wanted_and_http_1_0_may_do_without() {
        assert!(!ambiguous(&[("host", "a")], Version::HTTP_11));
        assert!(ambiguous(&[], Version::HTTP_11));
        assert!(!ambiguous(&[], Version::HTTP_10));
        assert!(ambiguous(&[("host", "a"), ("host", "a")], Version::HTTP_11));
        assert!(ambiguous(&[("host", "a"), ("host", "b")], Version::HTTP_10));
    }

    #[test]
    fn a_body_has_one_framing() {
        let host = ("host", "a");
        let coded = |coding| [host, ("transfer-encoding", coding)];
        assert!(!ambiguous(&coded("chunked"), Version::HTTP_11));
        assert!(!ambiguous(&coded("Chunked"), Version::HTTP_11));
        for coding in [
            "gzip, chunked",
            "chunked, chunked",
            "identity",
            "",
            "xchunked",
            "chunked;a=b",
        ] {
            assert!(ambiguous(&coded(coding), Version::HTTP_11), "{coding}");
        }
        let chunked = ("transfer-encoding", "chunked");
        assert!(ambiguous(&[host, chunked, chunked], Version::HTTP_11));
        assert!(ambiguous(
            &[host, chunked, ("content-length", "5")],
            Version::HTTP_11
        ));
        assert!(!ambiguous(
            &[host, ("content-length", "5")],
            Version::HTTP_11
        ));
    }

    #[test]
    fn a_target_is_too_long_from_the_first_byte_beyond_the_limit() {
        let refused = |length: usize| {
            let mut request = Request::new(());
            *request.version_mut() = Version::HTTP_2;
            *request.uri_mut() = format!("/{}", "a".repeat(length - 1)).parse().unwrap();
            objection(&request, 100).map(|refusal| refusal.code)
        };
        assert_eq!(refused(99), None);
        assert_eq!(refused(100), None);
        assert_eq!(refused(101), Some(Code::UriTooLong));
    }
}
