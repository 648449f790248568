//! Which database runs, how it is reached, and the macro that writes one reading body for both. Nothing
//! outside this crate may know which one it is.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::connection::{Connection, Open};
use crate::database_url::DatabaseUrl;
use crate::error::{self, StoreError};
use crate::patience::{self, Gate, bounded};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgSslMode};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _};

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
    /// so that closing the pool does not wait for it. The gate knows whether it answers.
    /// Following the feed and what concerns leases have a pool of their own, which no rush of requests
    /// can use up: a node that cannot tell that it lives is counted out.
    Pg {
        pool: PgPool,
        following: PgPool,
        listening: Box<PgConnectOptions>,
        gate: Arc<Gate>,
    },
}

impl Database {
    /// Connects and brings the schema up to date.
    pub(crate) async fn open(url: &DatabaseUrl, connections_max: u32) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Sqlite(path) => open_lite(path, connections_max).await,
            DatabaseUrl::Postgres(url) => open_pg(url, connections_max).await,
        }
    }

    /// A transaction that writes; a caller waits for it.
    pub(crate) async fn begin(&self) -> Result<Connection, StoreError> {
        self.begin_within(patience::STATEMENT, patience::STATEMENT_ON_SERVER_MS)
            .await
    }

    /// A transaction that writes many rows; no caller waits for it.
    pub(crate) async fn begin_long(&self) -> Result<Connection, StoreError> {
        self.begin_within(
            patience::LONG_STATEMENT,
            patience::LONG_STATEMENT_ON_SERVER_MS,
        )
        .await
    }

    async fn begin_within(
        &self,
        limit: Duration,
        on_server_ms: u32,
    ) -> Result<Connection, StoreError> {
        match self {
            // A plain BEGIN would fail with BUSY where it turns from reading to writing.
            Self::Lite { writer, .. } => Ok(Connection::new(
                Open::Lite(writer.begin_with("BEGIN IMMEDIATE").await?),
                limit.max(patience::LITE_WRITER),
                None,
            )),
            Self::Pg { pool, gate, .. } => {
                let begin = format!("BEGIN; SET LOCAL statement_timeout = {on_server_ms}");
                let begun = pool.begin_with(AssertSqlSafe(begin));
                Ok(Connection::new(
                    Open::Pg(gate.guard(patience::STATEMENT, begun).await?),
                    limit,
                    Some(gate.clone()),
                ))
            }
        }
    }

    /// A transaction that a crash of the database may lose although it was committed; on SQLite
    /// there is none of that kind. It runs on a connection that is kept for following the feed.
    pub(crate) async fn begin_unsynced(&self) -> Result<Connection, StoreError> {
        match self {
            Self::Lite { .. } => self.begin().await,
            Self::Pg { following, .. } => {
                let limit = patience::STATEMENT;
                let begun = bounded(limit, following.begin_with(PG_BEGIN_UNSYNCED)).await?;
                Ok(Connection::new(Open::Pg(begun), limit, None))
            }
        }
    }

    /// A transaction that reads the state of one moment.
    pub(crate) async fn snapshot(&self) -> Result<Connection, StoreError> {
        let limit = patience::STATEMENT;
        match self {
            Self::Lite { reader, .. } => Ok(Connection::new(
                Open::Lite(bounded(limit, reader.begin()).await?),
                limit,
                None,
            )),
            Self::Pg { pool, gate, .. } => {
                let begun = pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
                Ok(Connection::new(
                    Open::Pg(gate.guard(limit, begun).await?),
                    limit,
                    Some(gate.clone()),
                ))
            }
        }
    }

    /// Reads something, in bounded time.
    pub(crate) async fn read<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Lite { .. } => bounded(patience::STATEMENT, work).await,
            Self::Pg { gate, .. } => gate.guard(patience::STATEMENT, work).await,
        }
    }

    /// Ends the connections, after those in use, but does not wait for a database that hangs.
    pub(crate) async fn close(&self) {
        let closing = async {
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
        };
        // What is not closed by then ends with the process.
        drop(tokio::time::timeout(patience::CLOSE, closing).await);
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
        .busy_timeout(patience::LITE_BUSY)
        .foreign_keys(true)
        .pragma("cache_size", SQLITE_CACHE)
        .pragma("temp_store", "memory")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(patience::LITE_WRITER)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| {
            Box::pin(async move {
                // A full disk or a failed fsync undoes a transaction by itself, which sqlx does not
                // see: every later change would fail. Such a connection is replaced.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options.clone())
        .await?;
    migrate_lite(&writer).await?;
    let reader = SqlitePoolOptions::new()
        .max_connections(connections_max.max(1))
        .acquire_timeout(patience::CONNECT)
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
    let mut connection = bounded(patience::CONNECT, options.connect()).await?;
    PG_MIGRATIONS
        .run(&mut connection)
        .await
        .map_err(|error| migration(error, &PG_MIGRATIONS))?;
    connection.close().await?;
    let reading = options.clone().options([(
        "statement_timeout",
        patience::STATEMENT_ON_SERVER_MS.to_string(),
    )]);
    let gate = Arc::new(Gate::new());
    let pool = pg_pool(connections_max.max(1), &gate)
        .connect_with(reading.clone())
        .await?;
    let following = pg_pool(FOLLOWING_CONNECTIONS, &gate)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(reading);
    Ok(Database::Pg {
        pool,
        following,
        listening: Box::new(options),
        gate,
    })
}

fn pg_pool(connections_max: u32, gate: &Arc<Gate>) -> PgPoolOptions {
    let noticed = gate.clone();
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(patience::CONNECT)
        .after_release(move |connection, _| {
            let troubled = noticed.is_troubled();
            Box::pin(async move {
                // The pool itself asks without a limit: connections to a database that hangs, or
                // that vanished with its machine, would never come back.
                let asked = async { connection.ping().await };
                Ok(!troubled || bounded(patience::CONNECT, asked).await.is_ok())
            })
        })
}

/// A connection that hears the commits of every node.
pub(crate) async fn listener(
    options: &PgConnectOptions,
    channel: &str,
) -> Result<PgListener, StoreError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(patience::CONNECT)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(options.clone());
    bounded(patience::STATEMENT, async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(channel).await?;
        Ok::<_, sqlx::Error>(listener)
    })
    .await
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

/// Runs a body on a connection for reading, in bounded time.
macro_rules! reading {
    ($store:expr, $connection:ident => $body:expr) => {{
        let database = $store.database();
        database
            .read(async {
                match database {
                    $crate::database::Database::Lite {
                        reader: $connection,
                        ..
                    } => $body,
                    $crate::database::Database::Pg {
                        pool: $connection, ..
                    } => $body,
                }
            })
            .await
    }};
}

/// Runs a body on a connection that is kept for following the feed, in bounded time; on SQLite, for
/// reading. The gate does not stand before it: whoever follows tries again by itself.
macro_rules! following {
    ($store:expr, $connection:ident => $body:expr) => {{
        let database = $store.database();
        $crate::patience::bounded($crate::patience::STATEMENT, async {
            match database {
                $crate::database::Database::Lite {
                    reader: $connection,
                    ..
                } => $body,
                $crate::database::Database::Pg {
                    following: $connection,
                    ..
                } => $body,
            }
        })
        .await
    }};
}

/// Runs a body, one statement that writes, on a connection that is kept for following the feed, in
/// bounded time; on SQLite, on the writer.
macro_rules! leasing {
    ($store:expr, $connection:ident => $body:expr) => {{
        let database = $store.database();
        $crate::patience::bounded($crate::patience::STATEMENT, async {
            match database {
                $crate::database::Database::Lite {
                    writer: $connection,
                    ..
                } => $body,
                $crate::database::Database::Pg {
                    following: $connection,
                    ..
                } => $body,
            }
        })
        .await
    }};
}

pub(crate) use {following, leasing, reading};

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::unreachable,
        reason = "tests fail by panicking"
    )]
    use super::*;
    use crate::connection::within;

    #[tokio::test]
    async fn a_change_after_one_that_sqlite_undid_for_want_of_room_works() {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::Sqlite(folder.path().join("keywright.db"));
        let database = Database::open(&url, 1).await.unwrap();
        let Database::Lite { writer, .. } = &database else {
            unreachable!("the URL is one of SQLite");
        };
        let create = sqlx::query("CREATE TABLE filler (bytes BLOB)");
        create.execute(writer).await.unwrap();
        // SQLite takes the present size. It is a limit of the connection, so a new one is without it.
        let limit = sqlx::query("PRAGMA max_page_count = 1");
        limit.execute(writer).await.unwrap();
        let fill = async || {
            let mut connection = database.begin().await?;
            within!(&mut connection, writer => {
                sqlx::query("INSERT INTO filler VALUES (zeroblob(1000000))").execute(writer).await?;
            });
            connection.commit().await
        };
        assert!(matches!(fill().await, Err(StoreError::StorageFull(_))));
        fill().await.unwrap();
    }

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
