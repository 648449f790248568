//! The door: opening the database, beginning a transaction, and what concerns the installation as a whole.

use std::sync::{Arc, PoisonError, RwLock};

use keywright_core::time::Timestamp;
use tokio::sync::watch;

use crate::audit;
use crate::connection::within;
use crate::database::{Database, reading};
use crate::database_url::DatabaseUrl;
use crate::error::StoreError;
use crate::feed::FEED_FLOOR;
use crate::tx::Tx;

/// How to open the store.
#[derive(Clone)]
pub struct Options {
    /// Where the database is.
    pub url: DatabaseUrl,
    /// Authenticates the head of the audit trail.
    pub audit_key: [u8; 32],
    /// Connections for reading at most.
    pub connections_max: u32,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Options")
            .field("url", &self.url)
            .field("connections_max", &self.connections_max)
            .finish_non_exhaustive()
    }
}

/// The database: reads here, writes through [`Store::begin`]. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: Database,
    audit_keys: RwLock<Vec<[u8; 32]>>,
    commits: watch::Sender<u64>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Store")
    }
}

/// How long the change feed is kept: no node that was away longer may serve what it remembers
/// (trust D5: 24 h at most), and a week leaves room for clocks.
const FEED_KEPT_DAYS: i64 = 7;

impl Store {
    /// Connects and brings the schema up to date.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] when a newer Keywright has migrated the database;
    /// [`StoreError::Unavailable`] when it does not answer within a second.
    pub async fn open(options: Options) -> Result<Self, StoreError> {
        let database = Database::open(&options.url, options.connections_max).await?;
        let store = Self(Arc::new(Inner {
            database,
            audit_keys: RwLock::new(vec![options.audit_key]),
            commits: watch::Sender::new(0),
        }));
        audit::begin_trail(&store).await?;
        Ok(store)
    }

    /// Uses other keys for the head of the audit trail, the newest first: the head is written under
    /// the first and believed under any, so that they can be rotated.
    pub fn set_audit_keys(&self, keys: Vec<[u8; 32]>) {
        *self
            .0
            .audit_keys
            .write()
            .unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Begins a transaction. Dropping it undoes what was applied.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when no connection is free in time.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(Tx::new(self.clone(), self.database().begin().await?))
    }

    /// Ends the connections, after those in use. On SQLite this folds the log into the file.
    pub async fn close(&self) {
        self.database().close().await;
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let _one: i64 = reading!(self, pool => {
            sqlx::query_scalar("SELECT CAST(1 AS BIGINT)").fetch_one(pool).await
        })?;
        Ok(())
    }

    /// A value of the installation as a whole, such as its identifier.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn installation_value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(
            reading!(self, pool => sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(name)
            .fetch_optional(pool)
            .await)?,
        )
    }

    /// Removes what is over: sessions, invitations, remembered answers and old rows of the feed.
    /// Returns how many rows went. None of them could be used any more, so no leaf records it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        let now = now.milliseconds();
        let mut writer = self.database().begin_long().await?;
        let mut gone = 0;
        for statement in [
            "DELETE FROM sessions WHERE expires_at <= $1",
            "DELETE FROM invitations WHERE expires_at <= $1",
            "DELETE FROM idempotency WHERE expires_at <= $1",
            "DELETE FROM counters WHERE until <= $1",
        ] {
            gone += within!(&mut writer, connection => {
                sqlx::query(statement).bind(now).execute(connection).await?.rows_affected()
            });
        }
        let limit = now.saturating_sub(FEED_KEPT_DAYS * keywright_core::time::DAY_MS);
        let last: Option<i64> = within!(&mut writer, connection => {
            sqlx::query_scalar("SELECT MAX(seq) FROM feed WHERE at < $1")
                .bind(limit)
                .fetch_one(connection)
                .await?
        });
        if let Some(last) = last {
            let floor = u64::try_from(last).unwrap_or(0).to_be_bytes();
            within!(&mut writer, connection => {
                sqlx::query(
                    "INSERT INTO meta (name, value) VALUES ($1, $2) \
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                )
                .bind(FEED_FLOOR)
                .bind(floor.to_vec())
                .execute(&mut *connection)
                .await?;
                gone += sqlx::query("DELETE FROM feed WHERE seq <= $1")
                    .bind(last)
                    .execute(connection)
                    .await?
                    .rows_affected();
            });
        }
        writer.commit().await?;
        Ok(gone)
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    pub(crate) fn audit_keys(&self) -> Vec<[u8; 32]> {
        self.0
            .audit_keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Tells followers in this process; the other processes' hear it from PostgreSQL.
    pub(crate) fn commits(&self) -> &watch::Sender<u64> {
        &self.0.commits
    }
}
