//! HTTP/2, with prior knowledge over plain TCP.

use std::convert::Infallible;

use http::{Request as HttpRequest, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Frame;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

use super::*;

type Sender = SendRequest<BoxBody<Bytes, Infallible>>;

/// A client and the task that keeps its connection, which ends with the connection.
async fn client(server: &Running) -> (Sender, JoinSet<()>) {
    let io = TokioIo::new(server.connect().await);
    let (sender, connection) = within(
        Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .handshake(io),
    )
    .await
    .unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move { connection.await.unwrap_or_default() });
    (sender, task)
}

fn get(path: &str) -> HttpRequest<BoxBody<Bytes, Infallible>> {
    HttpRequest::get(format!("http://a{path}"))
        .body(Empty::new().boxed())
        .unwrap()
}

async fn ask(
    sender: &mut Sender,
    request: HttpRequest<BoxBody<Bytes, Infallible>>,
) -> (StatusCode, Bytes) {
    let response = within(sender.send_request(request)).await.unwrap();
    let status = response.status();
    (
        status,
        within(response.into_body().collect())
            .await
            .unwrap()
            .to_bytes(),
    )
}

#[tokio::test]
async fn requests_at_once_are_answered_on_one_connection() {
    let server = Running::start(Limits::default()).await;
    let (mut sender, _connection) = client(&server).await;
    let mut other = sender.clone();
    let waiting = sender.send_request(get("/gated"));
    within(server.entered.notified()).await;
    assert_eq!(
        ask(&mut other, get("/")).await,
        (StatusCode::OK, Bytes::from("hello"))
    );
    server.gate.notify_one();
    assert_eq!(within(waiting).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_late_body_fails_its_own_request_only() {
    let limits = Limits {
        body_read: short(150),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let (mut sender, _connection) = client(&server).await;
    let mut other = sender.clone();
    let never = Never.boxed();
    let late = HttpRequest::post("http://a/echo").body(never).unwrap();
    let prompt = HttpRequest::post("http://a/echo")
        .body(Full::from("abc").boxed())
        .unwrap();
    let (late, prompt) = tokio::join!(ask(&mut sender, late), ask(&mut other, prompt));
    assert_eq!(late.0, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(prompt, (StatusCode::OK, Bytes::from("abc")));
    assert_eq!(ask(&mut other, get("/")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn long_targets_and_heads_are_refused() {
    let server = Running::start(Limits::default()).await;
    let (mut sender, _connection) = client(&server).await;
    let long = format!("/?{}", "x".repeat(9 * 1024));
    assert_eq!(
        ask(&mut sender, get(&long)).await.0,
        StatusCode::URI_TOO_LONG
    );
    let mut large = get("/");
    large
        .headers_mut()
        .insert("x", "x".repeat(33 * 1024).parse().unwrap());
    let refused = within(sender.send_request(large)).await;
    assert!(
        refused.is_err()
            || refused.unwrap().status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );
}

#[tokio::test]
async fn an_idle_connection_is_closed_at_its_limit_and_not_at_the_header_limit() {
    let limits = Limits {
        header_read: short(50),
        idle: short(300),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let (mut sender, mut connection) = client(&server).await;
    ask(&mut sender, get("/")).await;
    let start = Instant::now();
    within(connection.join_next()).await;
    assert!(start.elapsed() >= short(280), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_stream_in_flight_finishes_at_shutdown() {
    let mut server = Running::start(Limits::default()).await;
    let (mut sender, _connection) = client(&server).await;
    let waiting = sender.send_request(get("/gated"));
    within(server.entered.notified()).await;
    server.stop.send(()).unwrap();
    within(async { while TcpStream::connect(server.address).await.is_ok() {} }).await;
    server.gate.notify_one();
    let response = within(waiting).await.unwrap();
    assert_eq!(
        within(response.into_body().collect())
            .await
            .unwrap()
            .to_bytes(),
        "through"
    );
    let drained = within(server.task.join_next()).await.unwrap().unwrap();
    assert_eq!(drained, Drained { cut_off: 0 });
}

/// A body that never comes.
struct Never;

impl hyper::body::Body for Never {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        std::task::Poll::Pending
    }
}
