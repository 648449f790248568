//! Checks over HTTP against an axum handler that reads the same body and answers the same bytes: what is
//! left is what deciding costs.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use keywright_engine::Engine;
use keywright_engine::clock::{Clock, ManualClock};
use keywright_seal::keyring::{Keyring, KeyringSource};
use keywright_server::Server;
use keywright_server::app::App;
use keywright_server::options::Options;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::house::{House, NOW, peppers, text};
use crate::report::{Bar, Table, median};

/// Rounds of each side.
const ROUNDS: usize = 5;
/// Length of a round, as wrk reads it.
const ROUND: &str = "3s";
/// The script that makes wrk post the body.
const SCRIPT: &str = "target/bench/post.lua";

/// What the floor reads: as much as the real one.
#[derive(Deserialize)]
#[expect(dead_code, reason = "reading it is the work")]
struct Question {
    key: String,
    permissions: Option<String>,
    environment: Option<String>,
}

/// Measures, or says what is missing.
pub(crate) async fn verify(house: &House, table: &mut Table) -> anyhow::Result<()> {
    if Command::new("wrk").arg("--version").output().is_err() {
        table.number(
            "verify over HTTP: install `wrk` to measure",
            0.0,
            "",
            Bar::None,
        );
        return Ok(());
    }
    let body = format!(
        r#"{{"key": "{}", "permissions": "api:read", "environment": "production"}}"#,
        text(1)
    );
    let script = format!(
        "wrk.method = \"POST\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.body = [[{body}]]\n"
    );
    std::fs::write(SCRIPT, script)?;
    let (ours, _stop) = start_ours(house).await?;
    let answer = ask(ours, &body).await?;
    ensure!(
        answer.contains("\"valid\":true"),
        "the key must pass: {answer}"
    );
    let floor = start_floor(answer).await?;
    let (mut of_ours, mut of_floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_ours.push(load(ours, "/api/v1/verify").await?);
        of_floor.push(load(floor, "/echo").await?);
    }
    table.ratio(
        "verify over HTTP, keep-alive, 32 connections",
        median(of_ours),
        "requests/s",
        ("axum handler of the same bytes", median(of_floor)),
        Bar::AtLeast(0.85),
    );
    Ok(())
}

async fn start_ours(house: &House) -> anyhow::Result<(SocketAddr, oneshot::Sender<()>)> {
    let engine = Engine::new(house.store.clone(), peppers()?, 10_000).await?;
    let options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        open_verify: true,
        ..Options::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(NOW));
    let source = KeyringSource::Command("true".to_owned());
    let app = App::new(
        house.store.clone(),
        engine,
        Keyring::generate(),
        source,
        clock,
        options,
    );
    let server = Server::bind(app).await?;
    let address = server.address();
    let (stop, stopped) = oneshot::channel();
    #[expect(
        clippy::disallowed_methods,
        reason = "lives as long as the measurement"
    )]
    tokio::spawn(server.run(async move {
        let _ = stopped.await;
    }));
    Ok((address, stop))
}

async fn start_floor(answer: String) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = axum::Router::new()
        .route("/echo", post(echo))
        .with_state(Bytes::from(answer));
    #[expect(
        clippy::disallowed_methods,
        reason = "lives as long as the measurement"
    )]
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn echo(State(answer): State<Bytes>, body: Bytes) -> Response {
    let read: Result<Question, _> = serde_json::from_slice(&body);
    let mut response = Response::new(if read.is_ok() {
        answer.into()
    } else {
        "".into()
    });
    let json = axum::http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(axum::http::header::CONTENT_TYPE, json);
    response
}

/// One request by hand, to see the answer.
async fn ask(address: SocketAddr, body: &str) -> anyhow::Result<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let head = format!(
        "POST /api/v1/verify HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut answer)).await??;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .context("no body in the answer")?;
    Ok(body.to_owned())
}

/// Requests a second, as wrk counts them.
async fn load(address: SocketAddr, path: &str) -> anyhow::Result<f64> {
    let url = format!("http://{address}{path}");
    let output = tokio::task::spawn_blocking(move || {
        Command::new("wrk")
            .args(["-t1", "-c32", "-d", ROUND, "-s", SCRIPT, &url])
            .output()
    })
    .await??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.contains("Non-2xx") {
        bail!("some requests were refused:\n{text}");
    }
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    line.with_context(|| format!("wrk said:\n{text}"))?
        .trim()
        .parse()
        .context("no number")
}
