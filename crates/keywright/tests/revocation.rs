//! Over real sockets, against the real binary: what was taken back is refused by every check that
//! starts after the answer.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and drive real processes"
)]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Checks together, over all ways to take a key back.
const CHECKS: u64 = 100_000;
/// Who checks at the same time.
const CHECKERS: u64 = 8;
/// Checks of each checker that start after the answer, in each round.
const AFTER: u64 = 50;

/// A running server, killed when it is dropped.
struct Server {
    base: String,
    process: Child,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    async fn start(http: &Client) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let process = Command::new(env!("CARGO_BIN_EXE_keywright"))
            .arg("serve")
            .env("KEYWRIGHT_LISTEN", format!("127.0.0.1:{port}"))
            .env("KEYWRIGHT_DATA", folder.path().join("data"))
            .env("KEYWRIGHT_ADMIN_EMAIL", "ada@example.com")
            .env("KEYWRIGHT_ADMIN_PASSWORD", "violet kettle under the bridge")
            .env("KEYWRIGHT_TENANT", "acme")
            .env("KEYWRIGHT_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            base: format!("http://127.0.0.1:{port}"),
            process,
            _folder: folder,
        };
        for _ in 0..600 {
            if http
                .get(format!("{}/readyz", server.base))
                .send()
                .await
                .is_ok()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        server
    }
}

/// A signed-in caller.
#[derive(Clone)]
struct Caller {
    http: Client,
    base: Arc<str>,
    token: Arc<str>,
}

impl Caller {
    async fn call(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self
            .http
            .request(method, format!("{}/api/v1/{path}", self.base));
        let answer = request
            .bearer_auth(&self.token)
            .json(body)
            .send()
            .await
            .unwrap();
        (answer.status(), answer.json().await.unwrap())
    }
}

/// How a key is taken back.
const TAKEN: [(&str, &str, &str); 5] = [
    ("POST", "/revoke", "{}"),
    ("POST", "/disable", "{}"),
    ("DELETE", "?confirm=true", "{}"),
    ("PATCH", "", r#"{"scopes": []}"#),
    ("PATCH", "", r#"{"ip_allow": ["198.51.100.0/24"]}"#),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_check_that_starts_after_the_answer_accepts_the_key() {
    let http = Client::new();
    let server = Server::start(&http).await;
    let login = json!({"email": "ada@example.com", "password": "violet kettle under the bridge"});
    let answer = http
        .post(format!("{}/api/v1/auth/login", server.base))
        .json(&login);
    let tokens: Value = answer.send().await.unwrap().json().await.unwrap();
    let token = tokens.get("access_token").unwrap().as_str().unwrap().into();
    let admin = Caller {
        http,
        base: server.base.as_str().into(),
        token,
    };
    // Checks are asked with a system key, as verifiers do.
    let wish = json!({"kind": "system", "scopes": ["keywright:verify"]});
    let (_, verifier) = admin
        .call(Method::POST, "tenant/acme/api-keys/create", &wish)
        .await;
    let token = verifier.get("api_key").unwrap().as_str().unwrap().into();
    let verifier = Caller {
        token,
        ..admin.clone()
    };

    let done = Arc::new(AtomicU64::new(0));
    for taken in TAKEN.into_iter().cycle() {
        if done.load(Ordering::Relaxed) >= CHECKS {
            break;
        }
        round(&admin, &verifier, &done, taken).await;
    }
}

async fn round(
    admin: &Caller,
    verifier: &Caller,
    done: &Arc<AtomicU64>,
    (method, suffix, body): (&str, &str, &str),
) {
    let wish = json!({"scopes": ["api:read"]});
    let (_, made) = admin
        .call(Method::POST, "tenant/acme/api-keys/create", &wish)
        .await;
    let key = made.get("api_key").unwrap().clone();
    let id = made.get("id").unwrap().as_str().unwrap();
    let question = json!({
        "key": key, "permissions": "api:read", "request": {"ip": "203.0.113.7"},
    });
    let answered = Arc::new(AtomicBool::new(false));
    let checkers: Vec<_> = (0..CHECKERS)
        .map(|_| {
            let (verifier, answered, done) = (verifier.clone(), answered.clone(), done.clone());
            let question = question.clone();
            tokio::spawn(async move {
                let mut after = 0;
                while after < AFTER {
                    // The order matters: first whether it was answered, then the check.
                    let was_answered = answered.load(Ordering::SeqCst);
                    let (status, answer) = verifier.call(Method::POST, "verify", &question).await;
                    assert_eq!(status, StatusCode::OK);
                    let valid = answer.get("valid") == Some(&Value::Bool(true));
                    assert!(
                        !(was_answered && valid),
                        "accepted after the answer: {answer}"
                    );
                    after += u64::from(was_answered);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let path = format!("tenant/acme/api-keys/{id}{suffix}");
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let (status, answer) = admin.call(method, &path, &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answered.store(true, Ordering::SeqCst);
    for checker in checkers {
        checker.await.unwrap();
    }
}
