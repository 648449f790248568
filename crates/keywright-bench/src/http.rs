//! Checks over HTTP against an axum handler that reads the same body and answers the same bytes: what is
//! left is what deciding costs. And checks of many keys against checks of few.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use keywright_engine::clock::{Clock, ManualClock};
use keywright_engine::{Check, Engine};
use keywright_seal::keyring::{Keyring, KeyringSource};
use keywright_server::Server;
use keywright_server::app::App;
use keywright_server::options::Options;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::decisions::FEW;
use crate::house::{House, NOW, folder, peppers, text, verifier};
use crate::load::{self, Load, body};
use crate::report::{Bar, Table, median};

/// Rounds of each side.
const ROUNDS: usize = 5;
/// Where checks are posted.
const VERIFY: &str = "/api/v1/verify";
/// The number of the system key that may check others: beyond those of the database.
const VERIFIER: u64 = 3_999_999_999;
/// Keys that wrk walks through: a round hardly meets one twice, and its interpreter can hold them.
const SAMPLE: u64 = 200_000;

/// What the floor reads: as much as the real one.
#[derive(Deserialize)]
#[expect(dead_code, reason = "reading it is the work")]
struct Question {
    key: String,
    permissions: Option<String>,
    environment: Option<String>,
}

/// One key over and over, with and without a credential, against the floor.
pub(crate) async fn against_floor(house: &House, table: &mut Table) -> anyhow::Result<()> {
    if missing(table) {
        return Ok(());
    }
    let credential = credential(house).await?;
    let folder = folder()?;
    let key = text(1);
    let engine = Engine::new(house.store.clone(), peppers()?, 10_000, NOW).await?;
    let server = Running::start(house, engine).await?;
    let answer = ask(server.address, &body(&key)).await?;
    ensure!(
        answer.contains("\"valid\":true"),
        "the key must pass: {answer}"
    );
    let floor = start_floor(answer).await?;
    let open = Load::of_one(&folder, server.address, VERIFY, &key, None)?;
    let authorized = Load::of_one(&folder, server.address, VERIFY, &key, Some(&credential))?;
    let floor_open = Load::of_one(&folder, floor, VERIFY, &key, None)?;
    let (mut of_open, mut of_authorized, mut of_floor) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_open.push(open.round().await?);
        of_floor.push(floor_open.round().await?);
        of_authorized.push(authorized.round().await?);
    }
    let floor = ("axum handler of the same bytes", median(of_floor));
    table.ratio(
        "verify over HTTP, 32 keep-alive connections, open listener",
        median(of_open),
        "requests/s",
        floor,
        Bar::AtLeast(0.85),
    );
    table.ratio(
        "verify over HTTP, 32 keep-alive connections, asked with a system key",
        median(of_authorized),
        "requests/s",
        floor,
        Bar::None,
    );
    Ok(())
}

/// Random keys out of all against random keys out of few, all cached.
pub(crate) async fn many_keys(
    house: &House,
    few: Engine,
    many: Engine,
    table: &mut Table,
) -> anyhow::Result<()> {
    if missing(table) {
        return Ok(());
    }
    let folder = folder()?;
    let few = Running::start(house, few).await?;
    let many = Running::start(house, many).await?;
    let few = Load::of_many(&folder, few.address, VERIFY, FEW, SAMPLE).map(|load| (few, load))?;
    let many = Load::of_many(&folder, many.address, VERIFY, house.keys, SAMPLE)
        .map(|load| (many, load))?;
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_few.push(1e6 / few.1.round().await?);
        of_many.push(1e6 / many.1.round().await?);
    }
    table.ratio(
        &format!("verify over HTTP among {} keys, cached", house.keys),
        median(of_many),
        "us each",
        ("among 1 000", median(of_few)),
        Bar::AtMost(1.2),
    );
    Ok(())
}

fn missing(table: &mut Table) -> bool {
    if !load::available() {
        table.number("over HTTP: not measured, install `wrk`", 0.0, "", Bar::None);
    }
    !load::available()
}

/// The text of a system key that may check others; made when the database has none.
async fn credential(house: &House) -> anyhow::Result<String> {
    let text = text(VERIFIER);
    let engine = Engine::new(house.store.clone(), peppers()?, 1, NOW).await?;
    let check = Check {
        key: &text,
        dry_run: true,
        ..Check::default()
    };
    let known = engine.verify(&check, NOW, &mut ()).await?;
    if known.key.is_none() {
        house
            .commit(&[verifier(house.tenant, house.owner, VERIFIER)?])
            .await?;
    }
    Ok(text)
}

/// A server that listens for as long as this value is kept.
struct Running {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Running {
    async fn start(house: &House, engine: Engine) -> anyhow::Result<Self> {
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
        Ok(Self {
            address,
            _stop: stop,
        })
    }
}

async fn start_floor(answer: String) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = axum::Router::new()
        .route(VERIFY, post(echo))
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
        "POST {VERIFY} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
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
