//! A transaction: changes are applied, then committed together with their audit leaves and feed rows.

use std::collections::{BTreeMap, BTreeSet};

use keywright_core::change::{Actor, Change};
use keywright_core::id::{TenantId, UserId};
use keywright_core::plan::PlanName;
use keywright_core::scope::Catalogue;
use keywright_core::time::Timestamp;
use sqlx::QueryBuilder;

use crate::audit;
use crate::connection::{Connection, Open, within};
use crate::error::StoreError;
use crate::feed::{CHANNEL, Changed};
use crate::store::Store;
use crate::tenants::{SCOPES, ScopeRow};

/// PostgreSQL's advisory lock that orders commits: `keywright` in ASCII, cut to eight bytes.
const COMMIT_LOCK: i64 = 0x6b65_7977_7269_6768;
/// Rows of one insert: a thousand would reach PostgreSQL's 65 535 parameters with the widest table.
pub(crate) const INSERT_ROWS: usize = 100;

/// A transaction. Dropping it undoes what was applied.
#[derive(Debug)]
#[must_use = "without a commit nothing is kept"]
pub struct Tx {
    pub(crate) store: Store,
    pub(crate) writer: Connection,
    changes: Vec<Change>,
    feed: Vec<Changed>,
    /// How many keys each tenant gained.
    pub(crate) counts: BTreeMap<TenantId, i64>,
    /// The tenants whose scopes changed.
    pub(crate) catalogues: BTreeSet<TenantId>,
    /// The tenants that an owner left, and the users who were disabled.
    pub(crate) left: BTreeSet<TenantId>,
    pub(crate) disabled: BTreeSet<UserId>,
    /// Plans that went, or that a key refers to.
    pub(crate) plans: BTreeSet<(TenantId, PlanName)>,
}

/// The position in the change feed that a node must have applied for a commit to be in force there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FeedPosition(pub u64);

impl Tx {
    pub(crate) fn new(store: Store, writer: Connection) -> Self {
        Self {
            store,
            writer,
            changes: Vec::new(),
            feed: Vec::new(),
            counts: BTreeMap::new(),
            catalogues: BTreeSet::new(),
            left: BTreeSet::new(),
            disabled: BTreeSet::new(),
            plans: BTreeSet::new(),
        }
    }

    /// Applies a change.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the row is no longer the one that the change was decided on,
    /// [`StoreError::Duplicate`] when something unique is taken. On PostgreSQL the transaction is
    /// then over; on both it should be dropped.
    pub async fn apply(&mut self, change: &Change) -> Result<(), StoreError> {
        self.apply_all(std::slice::from_ref(change)).await
    }

    /// Applies changes in their order; new keys in a row go to the database together.
    ///
    /// # Errors
    /// As [`Tx::apply`].
    pub async fn apply_all(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut rest = changes;
        while let Some((first, others)) = rest.split_first() {
            let new_keys = rest.iter().take_while(|change| change.is_new_key()).count();
            if new_keys > 0 {
                let (keys, others) = rest.split_at(new_keys);
                self.insert_keys(keys).await?;
                rest = others;
            } else {
                self.apply_one(first).await?;
                rest = others;
            }
        }
        self.changes.extend_from_slice(changes);
        Ok(())
    }

    /// Commits everything with its audit leaves and feed rows, which come last: on PostgreSQL a
    /// lock makes the order of the feed that of the commits (trust D2). Returns the position of
    /// the last feed row, 0 when there is none.
    ///
    /// # Errors
    /// Trouble of the database; nothing is kept then, unless the connection broke in the middle of
    /// the commit itself.
    pub async fn commit(
        mut self,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<FeedPosition, StoreError> {
        let mut position = 0;
        if !self.changes.is_empty() || !self.feed.is_empty() {
            lock(&mut self.writer).await?;
            self.check_catalogues().await?;
            self.check_plans().await?;
            self.check_owners().await?;
            self.write_counts().await?;
            let keys = self.store.audit_keys();
            audit::append(&mut self.writer, &keys, &self.changes, actor, now).await?;
            position = write_feed(&mut self.writer, &self.feed, now).await?;
        }
        let Self { store, writer, .. } = self;
        writer.commit().await?;
        if position > 0 {
            store.commits().send_replace(position);
        }
        Ok(FeedPosition(position))
    }

    /// Notes what nodes must forget, once.
    pub(crate) fn forget(&mut self, what: Changed) {
        if !matches!(what, Changed::Key { .. }) && self.feed.contains(&what) {
            return;
        }
        self.feed.push(what);
    }

    /// Two edits that hold together each may not together: one removes the scope that the other
    /// implies. Whoever commits second has decided on a catalogue that is no more.
    async fn check_catalogues(&mut self) -> Result<(), StoreError> {
        for tenant in std::mem::take(&mut self.catalogues) {
            let rows: Vec<ScopeRow> = within!(&mut self.writer, connection => {
                sqlx::query_as(SCOPES).bind(tenant.to_string()).fetch_all(connection).await?
            });
            let entries = rows
                .into_iter()
                .map(ScopeRow::entry)
                .collect::<Result<Vec<_>, _>>()?;
            Catalogue::new(entries).map_err(|_| StoreError::Conflict)?;
        }
        Ok(())
    }

    async fn write_counts(&mut self) -> Result<(), StoreError> {
        for (tenant, gained) in std::mem::take(&mut self.counts) {
            within!(&mut self.writer, connection => sqlx::query(
                "INSERT INTO key_counts (tenant, total) SELECT id, $2 FROM tenants WHERE id = $1 \
                 ON CONFLICT (tenant) DO UPDATE SET total = key_counts.total + excluded.total",
            )
            .bind(tenant.to_string())
            .bind(gained)
            .execute(connection)
            .await?
            .rows_affected());
        }
        Ok(())
    }
}

/// Orders this commit among all. SQLite's one writer does so by itself.
pub(crate) async fn lock(writer: &mut Connection) -> Result<(), StoreError> {
    if matches!(writer.transaction, Open::Pg(_)) {
        within!(writer, connection => {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(COMMIT_LOCK).execute(connection).await?;
        });
    }
    Ok(())
}

/// Writes feed rows and, on PostgreSQL, wakes the followers. The lock must be held.
pub(crate) async fn write_feed(
    writer: &mut Connection,
    feed: &[Changed],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut last = 0_i64;
    for rows in feed.chunks(INSERT_ROWS) {
        let written: Vec<i64> = within!(writer, connection => {
            let mut query = QueryBuilder::new("INSERT INTO feed (kind, tenant, id, digest, at) ");
            query.push_values(rows, |mut row, changed| {
                row.push_bind(changed.kind())
                    .push_bind(changed.tenant())
                    .push_bind(changed.id())
                    .push_bind(changed.digest())
                    .push_bind(now.milliseconds());
            });
            query.push(" RETURNING seq").build_query_scalar().fetch_all(connection).await?
        });
        last = written.into_iter().fold(last, i64::max);
    }
    if last > 0 && matches!(writer.transaction, Open::Pg(_)) {
        within!(writer, connection => {
            sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(connection).await?;
        });
    }
    Ok(u64::try_from(last).unwrap_or(0))
}
