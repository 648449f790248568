//! The listener over raw sockets: what it refuses, what it waits for and how long, and how it stops.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

#[path = "listen/limits.rs"]
mod limits;
#[path = "listen/multiplexed.rs"]
mod multiplexed;
#[path = "listen/shutdown.rs"]
mod shutdown;
#[path = "listen/smuggling.rs"]
mod smuggling;
#[path = "listen/tls.rs"]
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::routing::{get, post};
use bytes::Bytes;
use keywright_server::listen::{self, Drained, Limits};
use keywright_server::tls::TlsAcceptorHandle;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;

/// What no test takes, unless the listener hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// More than the buffers of two sockets hold.
const LARGE: usize = 32 * 1024 * 1024;

/// Waits for `future`, but not for ever.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("nothing happened"))
}

/// A listener with a small router.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinSet<Drained>,
    /// Told when `/gated` was asked.
    entered: Arc<Notify>,
    /// Lets one `/gated` answer.
    gate: Arc<Notify>,
}

impl Running {
    async fn start(limits: Limits) -> Self {
        Self::start_with(limits, None).await
    }

    async fn start_with(limits: Limits, tls: Option<TlsAcceptorHandle>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let router = router(Arc::clone(&entered), Arc::clone(&gate));
        let (stop, stopped) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let stopped = async move { stopped.await.unwrap_or_default() };
            listen::serve(listener, router, tls, limits, stopped).await
        });
        Self {
            address,
            stop,
            task,
            entered,
            gate,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends `bytes` on a connection of their own and reads until it ends.
    async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let (mut reader, mut writer) = self.connect().await.into_split();
        // The listener may close before it has taken all of it.
        let (_, answer) = tokio::join!(writer.write_all(bytes.as_ref()), to_end(&mut reader));
        answer
    }

    async fn stop(mut self) -> Drained {
        self.stop.send(()).unwrap();
        within(self.task.join_next()).await.unwrap().unwrap()
    }
}

fn router(entered: Arc<Notify>, gate: Arc<Notify>) -> Router {
    let gated = move || async move {
        entered.notify_one();
        gate.notified().await;
        "through"
    };
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>, request: Request| async move {
        format!(
            "{} tls={}",
            peer.ip(),
            listen::is_over_tls(request.extensions())
        )
    };
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/echo", post(|body: Bytes| async move { body }))
        .route("/ignore", post(|| async { "ignored" }))
        .route("/large", get(|| async { Body::from(vec![b'x'; LARGE]) }))
        .route("/gated", get(gated))
        .route("/who", get(who))
}

/// What comes until the connection ends, in whichever way.
async fn to_end(reader: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ended = within(reader.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One response with a short body, on a connection that stays open.
async fn one_response(stream: &mut (impl AsyncRead + Unpin), body: &str) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(format!("\r\n\r\n{body}").as_bytes()) {
        let read = within(stream.read_buf(&mut bytes)).await.unwrap();
        assert!(read > 0, "ended early: {}", String::from_utf8_lossy(&bytes));
    }
    String::from_utf8(bytes).unwrap()
}

fn status(answer: &str) -> &str {
    answer
        .get("HTTP/1.1 ".len()..)
        .and_then(|rest| rest.get(..3))
        .unwrap_or("")
}

/// How many responses stand in `answer`.
fn responses(answer: &str) -> usize {
    answer.matches("HTTP/1.1 ").count()
}

fn short(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const HELLO: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a_request_is_answered_and_its_peer_known() {
    let server = Running::start(Limits::default()).await;
    let answer = server
        .say("GET /who HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(status(&answer), "200");
    assert!(answer.ends_with("127.0.0.1 tls=false"), "{answer}");
}
