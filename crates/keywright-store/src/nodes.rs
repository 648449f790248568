//! The nodes of a cluster and their leases: who must have heard of a change before it is answered.
//! Every moment here is the database's, by its clock; a node judges its own lease by its own.

use std::time::Duration;

use sqlx::FromRow;

use crate::connection::within;
use crate::database::{Database, following, leasing};
use crate::decode;
use crate::error::StoreError;
use crate::store::Store;

/// How long the row of a node that surely accepts nothing any more is kept, in milliseconds: an
/// hour, for people who look.
const DEAD_KEPT_MS: i64 = 60 * 60 * 1_000;
/// What a node tells when it renews its lease.
#[derive(Clone, Copy, Debug)]
pub struct Renewal<'a> {
    /// The node: random, new at each start of its process.
    pub node: &'a str,
    /// Its name for people.
    pub name: &'a str,
    /// The position up to which the feed is in force there.
    pub applied: u64,
    /// How long the lease lasts.
    pub lease: Duration,
    /// How long the node may accept keys without another renewal; at least the lease.
    pub serves: Duration,
}

/// A node that has not put a change in force yet and may still accept what the change took back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laggard {
    /// Its name for people.
    pub name: String,
    /// The position up to which the feed is in force there.
    pub applied: u64,
    /// Whether its lease runs: it will say soon. Otherwise it is out of touch.
    pub live: bool,
}

#[derive(FromRow)]
struct Row {
    name: String,
    applied: i64,
    live: i64,
}

impl Store {
    /// Whether other nodes may serve from the same database. On SQLite one process is alone.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.database(), Database::Pg { .. })
    }

    /// Renews a node's lease and tells what it has applied. The lease runs from now on by the
    /// database's clock, so it ends later than one counted from before this call.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn renew_lease(&self, renewal: &Renewal<'_>) -> Result<(), StoreError> {
        let milliseconds = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        let lease = milliseconds(renewal.lease);
        leasing!(self, pool => sqlx::query(
            "INSERT INTO nodes (id, name, applied, leased_until, fenced_at) \
             SELECT $1, $2, $3, now + $4, now + $5 FROM database_clock WHERE true \
             ON CONFLICT (id) DO UPDATE SET applied = excluded.applied, \
             leased_until = excluded.leased_until, fenced_at = excluded.fenced_at",
        )
        .bind(renewal.node)
        .bind(renewal.name)
        .bind(decode::number(renewal.applied))
        .bind(lease)
        .bind(milliseconds(renewal.serves).max(lease))
        .execute(pool)
        .await
        .map(drop))?;
        Ok(())
    }

    /// Tells what a node has applied, without renewing its lease. It need not survive a crash of the
    /// database, which then only takes the node for slower than it is, so it waits for no disk.
    /// False when the node has no row: it must renew first.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn tell_applied(&self, node: &str, applied: u64) -> Result<bool, StoreError> {
        let mut writer = self.database().begin_unsynced().await?;
        let told = within!(&mut writer, connection => {
            sqlx::query("UPDATE nodes SET applied = $2 WHERE id = $1 AND applied < $2")
                .bind(node)
                .bind(decode::number(applied))
                .execute(connection)
                .await?
                .rows_affected()
        });
        writer.commit().await?;
        Ok(told > 0)
    }

    /// The nodes but `asking` that have not put the change at `position` in force and may still
    /// accept what it took back, by name. None are left = the change is in force everywhere.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn laggards(&self, position: u64, asking: &str) -> Result<Vec<Laggard>, StoreError> {
        let rows: Vec<Row> = following!(self, pool => sqlx::query_as(
            "SELECT name, applied, CAST(CASE WHEN leased_until > now THEN 1 ELSE 0 END AS BIGINT) AS live \
             FROM nodes, database_clock \
             WHERE id <> $1 AND applied < $2 AND fenced_at > now ORDER BY name",
        )
        .bind(asking)
        .bind(decode::number(position))
        .fetch_all(pool)
        .await)?;
        let laggard = |row: Row| Laggard {
            name: row.name,
            // Never negative; if it were, the node is behind everything.
            applied: u64::try_from(row.applied).unwrap_or(0),
            live: row.live != 0,
        };
        Ok(rows.into_iter().map(laggard).collect())
    }

    /// Forgets a node that accepts nothing any more, so that nobody waits for it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn remove_node(&self, node: &str) -> Result<(), StoreError> {
        leasing!(self, pool => sqlx::query("DELETE FROM nodes WHERE id = $1")
            .bind(node)
            .execute(pool)
            .await
            .map(drop))?;
        Ok(())
    }

    /// Forgets nodes that have surely accepted nothing for an hour. Returns how many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn purge_nodes(&self) -> Result<u64, StoreError> {
        let gone = leasing!(self, pool => sqlx::query(
            "DELETE FROM nodes WHERE fenced_at <= (SELECT now FROM database_clock) - $1",
        )
        .bind(DEAD_KEPT_MS)
        .execute(pool)
        .await
        .map(|done| done.rows_affected()))?;
        Ok(gone)
    }
}
