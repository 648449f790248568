//! A house to call: the whole router over a real SQLite database, with a clock that stands until it
//! is moved, and callers of every kind. No sockets; no promise is tested here.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{HeaderMap, Method, Request, header};
use http_body_util::BodyExt;
use keywright_core::change::{Actor, Change, Edit};
use keywright_core::id::{TenantId, UserId};
use keywright_core::secret::Secret;
use keywright_core::tenant::Tenant;
use keywright_core::time::Timestamp;
use keywright_core::user::{Carrier, Membership, TenantRole, User};
use keywright_engine::Engine;
use keywright_engine::clock::ManualClock;
use keywright_seal::keyring::{Keyring, KeyringSource};
use keywright_server::app::App;
use keywright_server::options::Options;
use keywright_server::{auth, router, tenants};
use keywright_store::{AuditFilter, DatabaseUrl, PageRequest, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

/// When the tests begin.
pub(crate) const NOW: Timestamp = Timestamp::from_milliseconds(1_780_000_000_000);
/// A password that the policy allows.
pub(crate) const PASSWORD: &str = "seven quiet herons wade";
/// Where callers are who are told nothing else.
const HOME: &str = "192.0.2.1";

/// The server, without a listener.
pub(crate) struct TestApp {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    /// `acme`, with the common scopes and roles.
    pub(crate) tenant: Tenant,
    router: Router,
    _folder: TempDir,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::generate();
        let source = KeyringSource::Text(Secret::new(keyring.to_text().expose().to_owned()));
        let store = Store::open(keywright_store::Options {
            url: DatabaseUrl::Sqlite(folder.path().join("test.db")),
            audit_key: [1; 32],
            connections_max: 4,
        })
        .await
        .unwrap();
        let engine = Engine::new(store.clone(), keyring.peppers().unwrap(), 1_000, NOW)
            .await
            .unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let app = App::new(store, engine, keyring, source, clock.clone(), options);
        let (tenant, made) = tenants::founding(&app, "acme".parse().unwrap(), "Acme".to_owned());
        app.change(&Actor::operator(), &made).await.unwrap();
        Self {
            router: router(app.clone()),
            app,
            clock,
            tenant,
            _folder: folder,
        }
    }

    /// Moves the clock on.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock
            .set(self.app.now().plus_milliseconds(seconds * 1_000));
    }

    /// Another tenant.
    pub(crate) async fn found(&self, slug: &str) -> Tenant {
        let (tenant, made) = tenants::founding(&self.app, slug.parse().unwrap(), slug.to_owned());
        self.app.change(&Actor::operator(), &made).await.unwrap();
        tenant
    }

    /// Somebody without a credential.
    pub(crate) fn anonymous(&self) -> Client {
        Client {
            router: self.router.clone(),
            address: HOME.parse().unwrap(),
            headers: HeaderMap::new(),
            user: None,
        }
    }

    /// A signed-in member of `acme`, who has no password yet.
    pub(crate) async fn user(&self, email: &str, role: TenantRole) -> Client {
        let user = self.person(email, false).await;
        self.join(&user, self.tenant.id, role).await;
        self.signed_in(&user).await
    }

    /// A signed-in platform administrator, who belongs to no tenant.
    pub(crate) async fn platform_admin(&self) -> Client {
        let user = self.person("platform@example.com", true).await;
        self.signed_in(&user).await
    }

    /// A system key of `acme`.
    pub(crate) async fn system_key(&self, scopes: &[&str]) -> Client {
        let email = format!("maker-{}@example.com", scopes.join("-").replace(':', "."));
        let maker = self.user(&email, TenantRole::Owner).await;
        let wish = json!({"kind": "system", "scopes": scopes});
        let made = maker
            .post("/api/v1/tenant/acme/api-keys/create", wish)
            .await;
        assert_eq!(made.status, 201, "{made:?}");
        self.bearer(made.text("api_key"))
    }

    /// Whoever holds this token or key.
    pub(crate) fn bearer(&self, token: &str) -> Client {
        self.anonymous()
            .with("authorization", &format!("Bearer {token}"))
    }

    pub(crate) async fn person(&self, email: &str, platform_admin: bool) -> User {
        let user = auth::set_up::new_user(&self.app, email.to_owned(), None, platform_admin);
        let change = Change::User(Edit::create(user.clone()), None);
        self.app
            .change(&Actor::operator(), &[change])
            .await
            .unwrap();
        user
    }

    pub(crate) async fn join(&self, user: &User, tenant: TenantId, role: TenantRole) {
        let user = user.id;
        let change = Change::Membership(Edit::create(Membership { tenant, user, role }));
        self.app
            .change(&Actor::operator(), &[change])
            .await
            .unwrap();
    }

    /// A member of `acme` with [`PASSWORD`], who is not signed in.
    pub(crate) async fn with_password(&self, email: &str, role: TenantRole) -> User {
        let user = auth::set_up::new_user(&self.app, email.to_owned(), None, false);
        let password = Secret::new(PASSWORD.to_owned());
        let hashed = auth::new_password(&self.app, "password", password, &[])
            .await
            .unwrap();
        let change = Change::User(Edit::create(user.clone()), Some(hashed));
        self.app
            .change(&Actor::operator(), &[change])
            .await
            .unwrap();
        self.join(&user, self.tenant.id, role).await;
        user
    }

    /// Signs a user in past the password.
    pub(crate) async fn signed_in(&self, user: &User) -> Client {
        let actor = Actor::operator();
        let (_, tokens, change) = auth::begin_session(&self.app, user.id, Carrier::Bearer, &actor);
        self.app.change(&actor, &[change]).await.unwrap();
        Client {
            user: Some(user.id),
            ..self.bearer(tokens.access.expose())
        }
    }

    /// How many leaves of the audit trail record this action, and what they are about.
    pub(crate) async fn recorded(&self, action: &str) -> Vec<Option<String>> {
        let filter = AuditFilter {
            action: Some(action.to_owned()),
            ..AuditFilter::default()
        };
        let page = self
            .app
            .store
            .audit_page(&filter, &PageRequest::newest((), 100))
            .await
            .unwrap();
        let leaf = |record: &keywright_store::AuditRecord| {
            let leaf: Value = serde_json::from_slice(&record.leaf).unwrap();
            leaf["target"].as_str().map(ToOwned::to_owned)
        };
        page.items.iter().map(leaf).collect()
    }
}

/// A caller.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    address: IpAddr,
    headers: HeaderMap,
    user: Option<UserId>,
}

impl Client {
    /// The same caller in another network.
    pub(crate) fn at(&self, address: &str) -> Self {
        Self {
            address: address.parse().unwrap(),
            ..self.clone()
        }
    }

    /// The same caller with another header.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.insert(name, value.parse().unwrap());
        client
    }

    /// The identifier of the user that this is.
    pub(crate) fn id(&self) -> String {
        self.user.unwrap().to_string()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut request = request.body(Body::from(body)).unwrap();
        request.headers_mut().extend(self.headers.clone());
        let peer = SocketAddr::new(self.address, 4711);
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }
}

/// What the server said.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// A field that holds a text.
    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap()
    }

    /// Status and error code, for comparing.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// The value of the cookie that it sets.
    pub(crate) fn cookie(&self) -> String {
        let set = self.headers[header::SET_COOKIE].to_str().unwrap();
        set.split(';').next().unwrap().to_owned()
    }
}
