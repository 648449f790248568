//! One connection, from its first byte to its last: HTTP/1 or HTTP/2 by what the client sends, timed
//! by one timer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tower::Service;

use super::Limits;
use super::activity::{Activity, Step, interval};
use super::body::RequestBody;
use super::request::Inbound;
use super::stream::Watched;

/// Streams at once of an HTTP/2 connection: what browsers and gateways use, at a bounded memory.
const STREAMS_MAX: u32 = 200;
/// How often an HTTP/2 client is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// How long it has for the answer.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// The smallest buffer that hyper takes; it panics at less.
const BUFFER_BYTES_MIN: usize = 8192;
/// Bytes of output held for an HTTP/2 stream.
const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Serves one connection until it ends.
pub(super) async fn run<T, S>(
    stream: T,
    peer: SocketAddr,
    over_tls: bool,
    service: S,
    limits: Arc<Limits>,
    mut draining: watch::Receiver<()>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let activity = Arc::new(Activity::new());
    let builder = builder(&limits);
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&activity), over_tls));
    let inbound = Inbound {
        service,
        activity: Arc::clone(&activity),
        peer,
        over_tls,
        uri_bytes: limits.uri_bytes,
        body_read: limits.body_read,
    };
    let mut connection = pin!(builder.serve_connection(io, inbound));
    let mut look = pin!(sleep(interval(&limits)));
    let (mut drains, mut closing) = (false, false);
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::trace!(%peer, %error, "connection ended");
                }
                return;
            }
            // An error means that the listener is gone, which is the same news.
            _ = draining.changed(), if !drains => {
                drains = true;
                activity.drain();
                if activity.is_multiplexed() {
                    // GOAWAY loses no request (RFC 9113, 6.8); HTTP/1 has no such word, and is told
                    // with its next response.
                    connection.as_mut().graceful_shutdown();
                }
                look.as_mut().reset(Instant::now());
            }
            () = look.as_mut() => match activity.step(&limits) {
                Step::Wait(rest) => look.as_mut().reset(Instant::now() + rest),
                Step::Close if !closing => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                    look.as_mut().reset(Instant::now() + interval(&limits));
                }
                Step::Close | Step::Abort => return,
            },
        }
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // hyper's own header timer starts when the last response ends, so it would also cut idling
    // connections, and costs each request a timer: `Activity` does both jobs instead.
    builder
        .http1()
        .header_read_timeout(None)
        // A head that fills the buffer is too large: hyper-util's builder has no nearer setting.
        // Bodies just pass through the buffer.
        .max_buf_size(limits.header_bytes.max(BUFFER_BYTES_MIN));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}
