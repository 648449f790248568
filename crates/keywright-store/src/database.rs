//! Which database runs, how it is reached, and the macros that write one body for both. Nothing
//! outside this crate may know which one it is.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _, Postgres, Sqlite, Transaction};
mod url;

pub use url::{DatabaseUrl, InvalidDatabaseUrl};

use crate::error::{self, StoreError};

/// Longest wait for a connection, new or from the pool: a caller above this is better told.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait for the one writer of SQLite: it is in process and each change takes milliseconds,
/// so this is a queue of thousands.
const WRITER_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for SQLite's file lock, which only another process can hold.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Milliseconds that PostgreSQL may work on a statement: a page takes ten.
const READ_TIMEOUT_MS: &str = "2000";
/// Changes may take longer than reads: a bulk waits for the commit lock, a sweep removes much.
const PG_BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = 30000";
/// What may be lost in a crash waits for no disk.
const PG_BEGIN_UNSYNCED: &str = "BEGIN; SET LOCAL synchronous_commit = off";
/// Connections for the feed and the lease: one follows, one renews, one looks who has not confirmed.
const FOLLOWING_CONNECTIONS: u32 = 3;
/// SQLite's page cache in KiB, as `cache_size` takes it (negative = KiB), for each connection.
const SQLITE_CACHE: &str = "-32768";
/// Prepared statements kept for each connection: each of ours, and the forms of a filtered list.
const STATEMENTS: usize = 256;

static LITE_MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");
static PG_MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// The pools of the database that runs.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// SQLite: any number of readers, one writer. A second writer would only fail with BUSY.
    Lite {
        reader: SqlitePool,
        writer: SqlitePool,
    },
    /// PostgreSQL, and how to reach it once more: the feed's listener has a connection of its own,
    /// so that closing the pool does not wait for it.
    /// Following the feed and what concerns leases have a pool of their own, which no rush of requests
    /// can use up: a node that cannot tell that it lives is counted out.
    Pg {
        pool: PgPool,
        following: PgPool,
        listening: Box<PgConnectOptions>,
    },
}

/// A transaction.
#[derive(Debug)]
pub(crate) enum Connection {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

impl Database {
    /// Connects and brings the schema up to date.
    pub(crate) async fn open(url: &DatabaseUrl, connections_max: u32) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Sqlite(path) => open_lite(path, connections_max).await,
            DatabaseUrl::Postgres(url) => open_pg(url, connections_max).await,
        }
    }

    pub(crate) async fn begin(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            // A plain BEGIN would fail with BUSY where it turns from reading to writing.
            Self::Lite { writer, .. } => {
                Connection::Lite(writer.begin_with("BEGIN IMMEDIATE").await?)
            }
            Self::Pg { pool, .. } => Connection::Pg(pool.begin_with(PG_BEGIN).await?),
        })
    }

    /// A transaction that a crash of the database may lose although it was committed; on SQLite
    /// there is none of that kind. It runs on a connection that is kept for following the feed.
    pub(crate) async fn begin_unsynced(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Lite { .. } => self.begin().await?,
            Self::Pg { following, .. } => {
                Connection::Pg(following.begin_with(PG_BEGIN_UNSYNCED).await?)
            }
        })
    }

    /// A transaction that reads the state of one moment.
    pub(crate) async fn snapshot(&self) -> Result<Connection, StoreError> {
        Ok(match self {
            Self::Lite { reader, .. } => Connection::Lite(reader.begin().await?),
            Self::Pg { pool, .. } => Connection::Pg(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    .await?,
            ),
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Lite { reader, writer } => {
                reader.close().await;
                // Last, so that it can fold the write-ahead log into the file.
                writer.close().await;
            }
            Self::Pg {
                pool, following, ..
            } => {
                pool.close().await;
                following.close().await;
            }
        }
    }
}

impl Connection {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Lite(transaction) => transaction.commit().await?,
            Self::Pg(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

async fn open_lite(path: &Path, connections_max: u32) -> Result<Database, StoreError> {
    prepare_file(path).map_err(|error| StoreError::Unavailable(error.into()))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL loses acknowledged rows at a power cut (trust 4.3).
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .pragma("cache_size", SQLITE_CACHE)
        .pragma("temp_store", "memory")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(WRITER_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.clone())
        .await?;
    migrate_lite(&writer).await?;
    let reader = SqlitePoolOptions::new()
        .max_connections(connections_max.max(1))
        .acquire_timeout(CONNECT_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options.create_if_missing(false).pragma("query_only", "on"))
        .await?;
    Ok(Database::Lite { reader, writer })
}

/// On SQLite nothing keeps two processes from migrating at once, but only one can commit each step:
/// the other fails at it, and finds it done when it looks again.
async fn migrate_lite(writer: &SqlitePool) -> Result<(), StoreError> {
    for _ in LITE_MIGRATIONS.iter() {
        if LITE_MIGRATIONS.run(writer).await.is_ok() {
            return Ok(());
        }
    }
    LITE_MIGRATIONS
        .run(writer)
        .await
        .map_err(|error| migration(error, &LITE_MIGRATIONS))
}

/// The folder and the file, readable by their owner alone: they hold names and addresses of people.
fn prepare_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    // SQLite gives its side files the mode of the main one.
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map(drop)
}

async fn open_pg(url: &str, connections_max: u32) -> Result<Database, StoreError> {
    let options = pg_options(url)?;
    // On a connection of its own, without the time-out of reads: a migration may take minutes.
    let connecting = tokio::time::timeout(CONNECT_TIMEOUT, options.connect());
    let mut connection = connecting
        .await
        .map_err(|elapsed| StoreError::Unavailable(elapsed.into()))??;
    PG_MIGRATIONS
        .run(&mut connection)
        .await
        .map_err(|error| migration(error, &PG_MIGRATIONS))?;
    connection.close().await?;
    let reading = options
        .clone()
        .options([("statement_timeout", READ_TIMEOUT_MS)]);
    let pool = PgPoolOptions::new()
        .max_connections(connections_max.max(1))
        .acquire_timeout(CONNECT_TIMEOUT)
        .connect_with(reading.clone())
        .await?;
    let following = PgPoolOptions::new()
        .max_connections(FOLLOWING_CONNECTIONS)
        .acquire_timeout(CONNECT_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(reading);
    Ok(Database::Pg {
        pool,
        following,
        listening: Box::new(options),
    })
}

/// A connection that hears the commits of every node.
pub(crate) async fn listener(
    options: &PgConnectOptions,
    channel: &str,
) -> Result<PgListener, StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(channel).await?;
    Ok(listener)
}

/// A remote server must prove who it is unless the URL says otherwise in so many words (trust S18).
fn pg_options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("keywright")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let host = options.get_host();
    let local = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    let said = url.contains("sslmode=") || url.contains("ssl-mode=");
    Ok(if local || said {
        options
    } else {
        options.ssl_mode(PgSslMode::VerifyFull)
    })
}

fn migration(error: sqlx::migrate::MigrateError, migrations: &Migrator) -> StoreError {
    let known = migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    error::migration(error, known)
}

/// Runs a body on a connection for reading.
macro_rules! reading {
    ($store:expr, $connection:ident => $body:expr) => {
        match $store.database() {
            $crate::database::Database::Lite {
                reader: $connection,
                ..
            } => $body,
            $crate::database::Database::Pg {
                pool: $connection, ..
            } => $body,
        }
    };
}

/// Runs a body on a connection that is kept for following the feed; on SQLite, for reading.
macro_rules! following {
    ($store:expr, $connection:ident => $body:expr) => {
        match $store.database() {
            $crate::database::Database::Lite {
                reader: $connection,
                ..
            } => $body,
            $crate::database::Database::Pg {
                following: $connection,
                ..
            } => $body,
        }
    };
}

/// Runs a body, one statement that writes, on a connection that is kept for following the feed; on
/// SQLite, on the writer.
macro_rules! leasing {
    ($store:expr, $connection:ident => $body:expr) => {
        match $store.database() {
            $crate::database::Database::Lite {
                writer: $connection,
                ..
            } => $body,
            $crate::database::Database::Pg {
                following: $connection,
                ..
            } => $body,
        }
    };
}

/// Runs a body on the connection of a transaction.
macro_rules! within {
    ($writer:expr, $connection:ident => $body:expr) => {
        match $writer {
            $crate::database::Connection::Lite(transaction) => {
                let $connection = &mut **transaction;
                $body
            }
            $crate::database::Connection::Pg(transaction) => {
                let $connection = &mut **transaction;
                $body
            }
        }
    };
}

pub(crate) use {following, leasing, reading, within};

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_remote_server_must_prove_itself_unless_the_url_says_otherwise() {
        let mode = |url| format!("{:?}", pg_options(url).unwrap().get_ssl_mode());
        assert_eq!(mode("postgres://u@db.example.com/k"), "VerifyFull");
        assert_eq!(
            mode("postgres://u@db.example.com/k?sslmode=disable"),
            "Disable"
        );
        assert_eq!(mode("postgres://u@127.0.0.1/k"), "Prefer");
        assert_eq!(mode("postgres://u@[::1]/k"), "Prefer");
        assert_eq!(mode("postgres://u@localhost/k"), "Prefer");
    }
}
