//! A store of its own for each test, on either database, and a way past it with raw SQL.

use keywright_core::change::{Actor, Change};
use keywright_core::time::Timestamp;
use keywright_store::{FeedPosition, Options, Store, StoreError};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// When the tests happen.
pub(crate) const NOW: Timestamp = Timestamp::from_milliseconds(1_780_000_000_000);
/// What authenticates the audit trail of the tests.
pub(crate) const AUDIT_KEY: [u8; 32] = [7; 32];

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) url: String,
    folder: Option<TempDir>,
}

/// Runs each test on both databases.
macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let fixture = crate::fixture::Fixture::sqlite().await;
                super::$name(&fixture).await;
                fixture.end().await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(fixture) = crate::fixture::Fixture::postgres().await {
                    super::$name(&fixture).await;
                    fixture.end().await;
                }
            })+
        }
    };
}
pub(crate) use contract;

impl Fixture {
    pub(crate) async fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!(
            "sqlite:{}",
            folder.path().join("data/keywright.db").display()
        );
        Self {
            store: open(&url, AUDIT_KEY).await.unwrap(),
            url,
            folder: Some(folder),
        }
    }

    pub(crate) async fn postgres() -> Option<Self> {
        let server = server()?;
        // A process runs several tests under `cargo test`, and one under nextest.
        static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let name = format!("contract_{}_{count}", std::process::id());
        let mut admin = PgConnection::connect(&server).await.unwrap();
        admin
            .execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}")))
            .await
            .unwrap();
        admin
            .execute(AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .await
            .unwrap();
        let url = with_database(&server, &name);
        Some(Self {
            store: open(&url, AUDIT_KEY).await.unwrap(),
            url,
            folder: None,
        })
    }

    /// Another store on the same database, as another node has it.
    pub(crate) async fn reopen(&self) -> Store {
        open(&self.url, AUDIT_KEY).await.unwrap()
    }

    /// Removes the database of a test that passed.
    pub(crate) async fn end(self) {
        self.store.close().await;
        if self.folder.is_none() {
            let mut admin = PgConnection::connect(&server().unwrap()).await.unwrap();
            let name = self
                .url
                .rsplit('/')
                .next()
                .unwrap()
                .split('?')
                .next()
                .unwrap();
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            admin.execute(AssertSqlSafe(drop)).await.unwrap();
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.folder.is_some()
    }

    /// Commits changes by the operator.
    pub(crate) async fn change(&self, changes: &[Change]) -> FeedPosition {
        self.try_change(changes).await.unwrap()
    }

    pub(crate) async fn try_change(&self, changes: &[Change]) -> Result<FeedPosition, StoreError> {
        change(&self.store, changes).await
    }

    /// Runs SQL past the store, as somebody with the database's password may.
    pub(crate) async fn raw(&self, sql: &str) -> Result<u64, sqlx::Error> {
        let statements = AssertSqlSafe(sql.to_owned());
        if self.is_sqlite() {
            let path = self.url.strip_prefix("sqlite:").unwrap();
            let mut connection = SqliteConnection::connect(path).await?;
            let done = connection.execute(statements).await?.rows_affected();
            connection.close().await?;
            Ok(done)
        } else {
            let mut connection = PgConnection::connect(&self.url).await?;
            let done = connection.execute(statements).await?.rows_affected();
            connection.close().await?;
            Ok(done)
        }
    }
}

/// Commits changes by the operator.
pub(crate) async fn change(store: &Store, changes: &[Change]) -> Result<FeedPosition, StoreError> {
    let mut tx = store.begin().await?;
    tx.apply_all(changes).await?;
    tx.commit(&Actor::operator(), NOW).await
}

pub(crate) async fn open(url: &str, audit_key: [u8; 32]) -> Result<Store, StoreError> {
    let url = url.parse().unwrap();
    Store::open(Options {
        url,
        audit_key,
        connections_max: 8,
    })
    .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "the suite is told where its server is"
)]
fn server() -> Option<String> {
    let server = std::env::var("KEYWRIGHT_TEST_POSTGRES_URL").ok();
    if server.is_none() && std::env::var("KEYWRIGHT_REQUIRE_POSTGRES").is_ok() {
        panic!("KEYWRIGHT_TEST_POSTGRES_URL is not set");
    }
    server
}

/// The server's URL with another database.
fn with_database(server: &str, name: &str) -> String {
    let (base, query) = server
        .split_once('?')
        .map_or((server, None), |(b, q)| (b, Some(q)));
    let (scheme, rest) = base.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap();
    match query {
        Some(query) => format!("{scheme}://{authority}/{name}?{query}"),
        None => format!("{scheme}://{authority}/{name}"),
    }
}
