//! The headers of every response: what browsers may do with it, that nobody stores it, and the id by
//! which its request is found in the log.
//!
//! The layer fits inside a router (`Router::layer`), and, without the box that costs there, around it.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Extensions, HeaderMap, HeaderValue, Request, Response};
use keywright_seal::entropy::random_bytes;
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tower::{Layer, Service};

use crate::listen;
use crate::propagation::{Noted, Propagation};

/// What a page of the dashboard may do: run our files, talk to us, and nothing else.
pub const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; object-src 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'";
/// What the API explorer may do besides: Swagger UI 5 sets inline styles and writes `innerHTML`
/// without trusted types. Its scripts are files; none is inline.
pub const EXPLORER_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
     frame-ancestors 'none'";
/// What anything else may do when a browser is led to show it as a page: nothing.
pub const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Two years, as the preload list of browsers wants (a year is the least: ASVS 3.4.1).
const TRANSPORT_SECURITY: HeaderValue =
    HeaderValue::from_static("max-age=63072000; includeSubDomains");
/// Every feature of browsers that a page of ours has no use for.
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Bytes of a request id that a caller brings: shorter ones are no ids, longer ones fill the log.
const REQUEST_ID_BYTES: std::ops::RangeInclusive<usize> = 8..=64;
/// Room for the headers that this adds, made once.
const HEADERS_ADDED_MAX: usize = 10;

/// Names a request in its response, its error and the log. It is no secret and proves nothing: a
/// caller may bring its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// A new id, unlike any other of this process and, but for chance, of any other.
    #[must_use]
    pub fn generate() -> Self {
        static PROCESS: LazyLock<[u64; 2]> = LazyLock::new(|| {
            [
                u64::from_ne_bytes(random_bytes()),
                u64::from_ne_bytes(random_bytes()),
            ]
        });
        static REQUESTS: AtomicU64 = AtomicU64::new(0);
        let [process, offset] = *PROCESS;
        let request = REQUESTS.fetch_add(1, Ordering::Relaxed);
        let text = format!(
            "{process:016x}{:016x}",
            scatter(request.wrapping_add(offset))
        );
        // Hexadecimal digits are always a header value.
        Self(
            HeaderValue::from_maybe_shared(bytes::Bytes::from(text))
                .unwrap_or(HeaderValue::from_static("")),
        )
    }

    /// Runs `answer` as if within the request of this id.
    pub(crate) fn current_while<T>(&self, answer: impl FnOnce() -> T) -> T {
        let current = Current {
            id: self.clone(),
            propagation: Noted::default(),
        };
        CURRENT.sync_scope(current, answer)
    }

    /// The id of the request with these extensions; empty for one that did not pass the layer.
    #[must_use]
    pub fn of(extensions: &Extensions) -> String {
        extensions
            .get::<Self>()
            .map(Self::to_string)
            .unwrap_or_default()
    }

    /// The caller's own id, if it brought one fit for a log.
    pub(crate) fn brought(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(REQUEST_ID)?;
        let fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        let bytes = value.as_bytes();
        (REQUEST_ID_BYTES.contains(&bytes.len()) && bytes.iter().all(fit))
            .then(|| Self(value.clone()))
    }
}

/// What belongs to the request that is being answered.
struct Current {
    id: RequestId,
    propagation: Noted,
}

tokio::task_local! {
    static CURRENT: Current;
}

/// The id of the request that is being answered, for errors, which do not see their request; empty
/// outside of one.
#[must_use]
pub fn current_request_id() -> String {
    CURRENT
        .try_with(|current| current.id.to_string())
        .unwrap_or_default()
}

/// Says in the response to the request that is being answered how far its change has come; outside
/// of one, nobody is told.
pub(crate) fn note_propagation(propagation: Propagation) {
    let _outside = CURRENT.try_with(|current| current.propagation.note(propagation));
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Maps each number to another one (SplitMix64's finalizer), so that ids do not count our requests
/// for whoever reads two of them.
const fn scatter(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Adds the headers to every response, and a [`RequestId`] to the extensions of every request.
#[derive(Clone, Debug)]
pub struct SecurityHeaders {
    /// A TLS proxy in front: clients reach us by HTTPS although we see plain HTTP.
    pub behind_tls_proxy: bool,
    /// The path under which the API explorer lies, such as `/docs`.
    pub explorer_prefix: &'static str,
}

impl<S> Layer<S> for SecurityHeaders {
    type Service = WithHeaders<S>;

    fn layer(&self, inner: S) -> WithHeaders<S> {
        WithHeaders {
            inner,
            settings: self.clone(),
        }
    }
}

/// A service whose responses have the headers.
#[derive(Clone, Debug)]
pub struct WithHeaders<S> {
    inner: S,
    settings: SecurityHeaders,
}

impl<S, RequestBody, ResponseBody> Service<Request<RequestBody>> for WithHeaders<S>
where
    S: Service<Request<RequestBody>, Response = Response<ResponseBody>, Error = Infallible>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = WithHeadersFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<RequestBody>) -> Self::Future {
        let id = RequestId::brought(request.headers()).unwrap_or_else(RequestId::generate);
        let https = self.settings.behind_tls_proxy || listen::is_over_tls(request.extensions());
        let explorer = is_under(request.uri().path(), self.settings.explorer_prefix);
        request.extensions_mut().insert(id.clone());
        let current = Current {
            id,
            propagation: Noted::default(),
        };
        let future = CURRENT.scope(current, self.inner.call(request));
        WithHeadersFuture {
            future,
            https,
            explorer,
        }
    }
}

pin_project! {
    /// The response, with its headers.
    pub struct WithHeadersFuture<F> {
        #[pin]
        future: TaskLocalFuture<Current, F>,
        https: bool,
        explorer: bool,
    }
}

impl<F, B> Future for WithHeadersFuture<F>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
{
    type Output = Result<Response<B>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Ok(mut response) = ready!(this.future.as_mut().poll(cx));
        if let Some(current) = this.future.take_value() {
            let mut status = response.status();
            let headers = response.headers_mut();
            dress(headers, current.id, *this.https, *this.explorer);
            current.propagation.tell(&mut status, headers);
            *response.status_mut() = status;
        }
        Poll::Ready(Ok(response))
    }
}

/// Adds the headers of a response, and the id of its request.
pub(crate) fn dress(headers: &mut HeaderMap, id: RequestId, https: bool, explorer: bool) {
    add(headers, https, explorer);
    headers.insert(REQUEST_ID, id.0);
}

/// A handler's own `Cache-Control`, `Content-Security-Policy` and `Cross-Origin-Resource-Policy`
/// stand; the rest has no exceptions.
fn add(headers: &mut HeaderMap, https: bool, explorer: bool) {
    headers.reserve(HEADERS_ADDED_MAX);
    let page = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let policy = match (page, explorer) {
        (false, _) => DATA_POLICY,
        (true, false) => PAGE_POLICY,
        (true, true) => EXPLORER_POLICY,
    };
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(policy));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers
        .entry(RESOURCE_POLICY)
        .or_insert(HeaderValue::from_static("same-origin"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if page {
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(PERMISSIONS_POLICY, PERMISSIONS);
    }
    // Over plain HTTP browsers must ignore it (RFC 6797, 7.2).
    if https {
        headers.insert(STRICT_TRANSPORT_SECURITY, TRANSPORT_SECURITY);
    }
}

fn is_under(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix);
    !prefix.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
