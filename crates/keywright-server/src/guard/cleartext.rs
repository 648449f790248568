//! Refuses credentials that everybody on the way could read (httpapi-privacy draft; trust P8): the answer
//! is the same for good ones and bad ones, and nothing is looked up.
//!
//! Bodies count as credentials: keys to check, passwords and one-time tokens come in them.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, Request, Uri};
use keywright_api::code::Code;
use keywright_core::restriction::Cidr;
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::client_address::is_private;
use crate::credential;
use crate::error::ApiError;

/// The layer. It belongs inside `SecurityHeaders`, so that the refusal has headers and an id.
#[derive(Clone, Debug)]
pub struct RefuseCleartext {
    /// Proxies whose `X-Forwarded-Proto` is believed.
    pub trusted_proxies: Arc<[Cidr]>,
    /// Whether the operator said that plain HTTP is meant.
    pub insecure_http: bool,
}

impl<S> Layer<S> for RefuseCleartext {
    type Service = WithoutCleartext<S>;

    fn layer(&self, inner: S) -> WithoutCleartext<S> {
        WithoutCleartext {
            inner,
            settings: self.clone(),
        }
    }
}

/// A service that no credential reaches in clear.
#[derive(Clone, Debug)]
pub struct WithoutCleartext<S> {
    inner: S,
    settings: RefuseCleartext,
}

impl<S, B> Service<Request<B>> for WithoutCleartext<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answer<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let settings = &self.settings;
        let refused = !settings.insecure_http
            && !is_private(
                request.extensions(),
                request.headers(),
                &settings.trusted_proxies,
            )
            && may_carry_one(request.method(), request.uri(), request.headers());
        Answer {
            passed: (!refused).then(|| self.inner.call(request)),
        }
    }
}

pin_project! {
    /// The answer to a request; nothing was passed on when it is refused.
    pub struct Answer<F> {
        #[pin]
        passed: Option<F>,
    }
}

impl<F> Future for Answer<F>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().passed.as_pin_mut() {
            Some(passed) => passed.poll(context),
            // Made here, where the id of the request is known.
            None => Poll::Ready(Ok(ApiError::new(Code::CleartextRefused).into_response())),
        }
    }
}

fn may_carry_one(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
        || credential::is_carried(uri, headers)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::net::SocketAddr;

    use axum::Router;
    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use http::StatusCode;
    use tower::ServiceExt;

    use super::*;
    use crate::listen::OverTls;

    /// How a request gets here.
    #[derive(Clone, Copy, Debug)]
    struct Way {
        peer: &'static str,
        tls: bool,
        proto: Option<&'static str>,
        insecure_http: bool,
    }

    const OUTSIDE: Way = Way {
        peer: "203.0.113.7:40000",
        tls: false,
        proto: None,
        insecure_http: false,
    };
    const PROXY: Way = Way {
        peer: "10.1.1.1:40000",
        ..OUTSIDE
    };

    async fn ask(way: Way, method: &str, target: &str, header: Option<(&str, &str)>) -> Response {
        let layer = RefuseCleartext {
            trusted_proxies: ["10.0.0.0/8".parse().unwrap()].into(),
            insecure_http: way.insecure_http,
        };
        let router = Router::new().fallback(|| async { "reached" });
        let mut request = Request::builder().method(method).uri(target);
        let lines = way.proto.map(|proto| ("x-forwarded-proto", proto));
        for (name, value) in lines.into_iter().chain(header) {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let peer: SocketAddr = way.peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        if way.tls {
            request.extensions_mut().insert(OverTls);
        }
        layer.layer(router).oneshot(request).await.unwrap()
    }

    async fn refused(way: Way, method: &str, target: &str, header: Option<(&str, &str)>) -> bool {
        match ask(way, method, target, header).await.status() {
            StatusCode::FORBIDDEN => true,
            StatusCode::OK => false,
            other => unreachable!("{other}"),
        }
    }

    #[tokio::test]
    async fn whatever_may_carry_a_credential_is_refused_from_outside_in_clear() {
        for header in [
            ("authorization", "Bearer x"),
            ("authorization", "nonsense"),
            ("x-api-key", "x"),
            ("x-api-secret", "x"),
            ("cookie", "a=b; sid=x"),
            ("cookie", "sid=x; sid=y"),
        ] {
            assert!(
                refused(OUTSIDE, "GET", "/api/v1/auth/me", Some(header)).await,
                "{header:?}"
            );
        }
        assert!(refused(OUTSIDE, "GET", "/?api_key=x", None).await);
        for method in ["POST", "PATCH", "PUT", "DELETE"] {
            assert!(refused(OUTSIDE, method, "/api/v1/auth/login", None).await);
        }
    }

    #[tokio::test]
    async fn what_carries_none_is_served() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert!(!refused(OUTSIDE, method, "/healthz", None).await);
        }
        assert!(!refused(OUTSIDE, "GET", "/?page=2", Some(("cookie", "theme=dark"))).await);
    }

    #[tokio::test]
    async fn tls_loopback_a_proxys_word_and_the_flag_let_credentials_pass() {
        let sent = Some(("authorization", "Bearer x"));
        let way = |peer, tls, proto| Way {
            peer,
            tls,
            proto,
            ..OUTSIDE
        };
        for (way, expected) in [
            (way("203.0.113.7:1", true, None), false),
            (way("127.0.0.1:1", false, None), false),
            (way("[::ffff:127.0.0.1]:1", false, None), false),
            (way("[::1]:1", false, None), false),
            // Nobody but the trusted proxy is believed.
            (way("203.0.113.7:1", false, Some("https")), true),
            (
                Way {
                    proto: Some("https"),
                    ..PROXY
                },
                false,
            ),
            (
                Way {
                    proto: Some("http"),
                    ..PROXY
                },
                true,
            ),
            (
                Way {
                    proto: Some("https, http"),
                    ..PROXY
                },
                true,
            ),
            (PROXY, true),
            // TLS from the proxy to us does not make its client's way private.
            (
                Way {
                    tls: true,
                    proto: Some("http"),
                    ..PROXY
                },
                true,
            ),
            (Way { tls: true, ..PROXY }, false),
            (
                Way {
                    insecure_http: true,
                    ..OUTSIDE
                },
                false,
            ),
            (
                Way {
                    insecure_http: true,
                    proto: Some("http"),
                    ..PROXY
                },
                false,
            ),
        ] {
            assert_eq!(refused(way, "GET", "/", sent).await, expected, "{way:?}");
        }
    }

    #[tokio::test]
    async fn good_and_bad_credentials_get_one_answer() {
        let mut answers = Vec::new();
        for value in ["Bearer kw_live_good", "Bearer bad", "x"] {
            let response = ask(OUTSIDE, "GET", "/", Some(("authorization", value))).await;
            assert!(response.headers().get("location").is_none());
            let body = axum::body::to_bytes(response.into_body(), 4096)
                .await
                .unwrap();
            answers.push(String::from_utf8(body.to_vec()).unwrap());
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        assert!(answers.concat().contains("cleartext_refused"));
    }
}
