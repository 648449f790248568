//! The audit trail: leaves appended in the transaction of their changes, pages of it, and its
//! verification. What a leaf says and how the chain is computed is `keywright_core::audit`'s.

use std::borrow::Cow;

use keywright_core::audit::{self, Checker, EMPTY_CHAIN, Frontier, Hash, Leaf, Report};
use keywright_core::change::{Actor, Change};
use keywright_core::id::TenantId;
use keywright_core::time::Timestamp;
use serde::Deserialize;
use sqlx::{FromRow, QueryBuilder};

use crate::connection::{Connection, within};
use crate::database::reading;
use crate::decode::{self, Place};
use crate::error::StoreError;
use crate::page::{self, COUNT_MAX, Cursor, CursorValue, Page, PageRequest, Start, Total};
use crate::store::Store;
use crate::tx::INSERT_ROWS;

/// Leaves read at once when the trail is verified: a few hundred kilobytes.
const VERIFY_PAGE: u32 = 1_000;
/// Leaves that a report names because their columns differ; the first is enough to act.
const MISFILED_MAX: usize = 100;

/// Which leaves are wanted: all that match every part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// Of this action.
    pub action: Option<String>,
    /// By this actor, as [`keywright_core::change::Who::label`] prints it.
    pub actor: Option<String>,
    /// About this.
    pub target: Option<String>,
    /// At this moment or later.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
}

/// A leaf as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its number, from 0 without gaps.
    pub seq: u64,
    /// Its exact bytes.
    pub leaf: Vec<u8>,
    /// The hash chain up to and with it.
    pub chain: Hash,
}

/// The end of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Leaves.
    pub size: u64,
    /// The hash chain up to and with the last one.
    pub chain: Hash,
    /// The RFC 6962 root of all leaves.
    pub root: Hash,
}

/// What a verification of the trail found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// What the leaves, their chain and the head say.
    pub report: Report,
    /// The first leaves that are filed under what they do not say, so that a search misses them.
    pub misfiled: Vec<u64>,
    /// Such leaves in all.
    pub misfiled_count: u64,
}

impl AuditReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.report.is_sound() && self.misfiled_count == 0
    }
}

/// A leaf with the columns that it is searched by.
#[derive(FromRow)]
struct FiledRow {
    seq: i64,
    leaf: Vec<u8>,
    chain: Vec<u8>,
    tenant: Option<String>,
    actor: String,
    action: String,
    target: Option<String>,
    at: i64,
}

/// What of a leaf's text is repeated in columns.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    at: Cow<'a, str>,
    #[serde(borrow, default)]
    tenant: Option<Cow<'a, str>>,
    #[serde(borrow)]
    actor: Cow<'a, str>,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    target: Option<Cow<'a, str>>,
}

impl FiledRow {
    fn is_filed_right(&self) -> bool {
        serde_json::from_slice::<Said<'_>>(&self.leaf).is_ok_and(|said| {
            said.at == audit::rfc3339(Timestamp::from_milliseconds(self.at))
                && said.tenant.as_deref() == self.tenant.as_deref()
                && said.actor == self.actor
                && said.action == self.action
                && said.target.as_deref() == self.target.as_deref()
        })
    }
}

#[derive(FromRow)]
struct LeafRow {
    seq: i64,
    leaf: Vec<u8>,
    chain: Vec<u8>,
}

#[derive(FromRow)]
struct HeadRow {
    size: i64,
    chain: Vec<u8>,
    frontier: Vec<u8>,
    mac: Vec<u8>,
}

/// A head whose MAC was checked.
struct Head {
    size: u64,
    chain: Hash,
    frontier: Frontier,
}

impl HeadRow {
    /// The head, if it is the one that this installation wrote.
    fn checked(self, keys: &[[u8; 32]]) -> Result<Head, StoreError> {
        let head = self.head()?;
        // Not a secret: whoever may write this row may also read the right one.
        if keys.iter().any(|key| self.mac == mac(key, &head)) {
            Ok(head)
        } else {
            Err(AT.inconsistent("mac"))
        }
    }

    fn head(&self) -> Result<Head, StoreError> {
        let size = AT.count("size", self.size)?;
        let frontier = Frontier::decode(&self.frontier).filter(|it| it.size() == size);
        Ok(Head {
            size,
            chain: AT.array("chain", &self.chain)?,
            frontier: AT.named("frontier", frontier)?,
        })
    }
}

/// The key under which the head is written.
fn newest(keys: &[[u8; 32]]) -> Result<&[u8; 32], StoreError> {
    keys.first()
        .ok_or_else(|| StoreError::other("no key for the head of the audit trail"))
}

fn mac(key: &[u8; 32], head: &Head) -> Hash {
    audit::head_mac(key, head.size, &head.chain, &head.frontier.root())
}

/// Where the head stands.
const AT: Place<'static> = Place {
    table: "audit_head",
    row: "1",
};
const HEAD: &str = "SELECT size, chain, frontier, mac FROM audit_head WHERE id = 1";

/// Writes the head of an empty trail into an empty database. Where there are tenants or users, a
/// missing head is no beginning but a loss, and stays missing.
pub(crate) async fn begin_trail(store: &Store) -> Result<(), StoreError> {
    let head = Head {
        size: 0,
        chain: EMPTY_CHAIN,
        frontier: Frontier::default(),
    };
    let mut writer = store.database().begin().await?;
    within!(&mut writer, connection => sqlx::query(
        "INSERT INTO audit_head (id, size, chain, frontier, mac) SELECT 1, 0, $1, $2, $3 \
         WHERE NOT EXISTS (SELECT 1 FROM audit) AND NOT EXISTS (SELECT 1 FROM tenants) \
         AND NOT EXISTS (SELECT 1 FROM users) ON CONFLICT (id) DO NOTHING",
    )
    .bind(head.chain.as_slice())
    .bind(head.frontier.encode())
    .bind(mac(newest(&store.audit_keys())?, &head).as_slice())
    .execute(connection)
    .await?
    .rows_affected());
    writer.commit().await
}

/// Appends a leaf for each change. The commit lock must be held. A head that this installation did
/// not write is not built upon: the next leaf would make the tampering look genuine.
pub(crate) async fn append(
    writer: &mut Connection,
    keys: &[[u8; 32]],
    changes: &[Change],
    actor: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let row: Option<HeadRow> = within!(writer, connection => {
        sqlx::query_as(HEAD).fetch_optional(connection).await?
    });
    let mut head = row.ok_or_else(|| AT.inconsistent("size"))?.checked(keys)?;
    let before = head.size;
    for changes in changes.chunks(INSERT_ROWS) {
        let mut rows = Vec::with_capacity(changes.len());
        for change in changes {
            let leaf = Leaf::encode(head.size, change, actor, now);
            let hash = audit::leaf_hash(&leaf);
            head.chain = audit::chain(&head.chain, &hash);
            head.frontier.push(hash);
            rows.push((head.size, leaf, head.chain, change));
            head.size += 1;
        }
        within!(writer, connection => {
            let mut query = QueryBuilder::new(
                "INSERT INTO audit (seq, leaf, chain, tenant, actor, action, target, at) ",
            );
            query.push_values(rows, |mut row, (seq, leaf, chain, change)| {
                row.push_bind(decode::number(seq))
                    .push_bind(leaf)
                    .push_bind(chain.to_vec())
                    .push_bind(change.tenant().map(|tenant| tenant.to_string()))
                    .push_bind(actor.who.label())
                    .push_bind(change.action())
                    .push_bind(change.target())
                    .push_bind(now.milliseconds());
            });
            query.build().execute(connection).await?
                .rows_affected()
        });
    }
    let rows = within!(writer, connection => sqlx::query(
        "UPDATE audit_head SET size = $1, chain = $2, frontier = $3, mac = $4 \
         WHERE id = 1 AND size = $5",
    )
    .bind(decode::number(head.size))
    .bind(head.chain.as_slice())
    .bind(head.frontier.encode())
    .bind(mac(newest(keys)?, &head).as_slice())
    .bind(decode::number(before))
    .execute(connection)
    .await?
    .rows_affected());
    if rows == 1 {
        Ok(())
    } else {
        Err(AT.inconsistent("size"))
    }
}

impl Store {
    /// A page of the audit trail.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        request: &PageRequest<()>,
    ) -> Result<Page<AuditRecord>, StoreError> {
        let counted: i64 = reading!(self, pool => {
            let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM audit");
            push_filter(&mut query, filter);
            query.push(" LIMIT ").push_bind(decode::number(COUNT_MAX + 1)).push(") AS counted");
            query.build_query_scalar().fetch_one(pool).await
        })?;
        let rows: Vec<LeafRow> = reading!(self, pool => {
            let mut query = QueryBuilder::new("SELECT seq, leaf, chain FROM audit");
            push_filter(&mut query, filter);
            if let Start::After(Cursor { value: CursorValue::Number(seq), .. }) = request.start {
                query.push(format_args!(" AND seq {} ", request.beyond())).push_bind(seq);
            }
            query.push(format_args!(" ORDER BY seq {} LIMIT ", request.direction()));
            query.push_bind(request.fetch()).push(" OFFSET ").push_bind(request.offset());
            query.build_query_as().fetch_all(pool).await
        })?;
        let records = rows
            .into_iter()
            .map(LeafRow::record)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(page::cut(
            records,
            request.rows(),
            Total::bounded(counted),
            |record| Cursor {
                value: CursorValue::Number(decode::number(record.seq)),
                id: record.seq.to_string(),
            },
        ))
    }

    /// Leaves from the number `from` on, in order, `limit` at most: for export and for proofs.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn audit_leaves(
        &self,
        from: u64,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let rows: Vec<LeafRow> = reading!(self, pool => sqlx::query_as(
            "SELECT seq, leaf, chain FROM audit WHERE seq >= $1 ORDER BY seq LIMIT $2",
        )
        .bind(decode::number(from))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
        rows.into_iter().map(LeafRow::record).collect()
    }

    /// The end of the trail, for a checkpoint. Its MAC is checked.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] when it is missing or not this installation's.
    pub async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        let row: Option<HeadRow> =
            reading!(self, pool => sqlx::query_as(HEAD).fetch_optional(pool).await)?;
        let head = row
            .ok_or_else(|| AT.inconsistent("size"))?
            .checked(&self.audit_keys())?;
        Ok(AuditHead {
            size: head.size,
            chain: head.chain,
            root: head.frontier.root(),
        })
    }
}

impl Store {
    /// Reads the whole trail of one moment and computes its chain and tree anew. Faults are in the
    /// report. A tail that was cut off together with its head is found only with a checkpoint that
    /// was kept elsewhere (trust S21).
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn verify_audit(&self) -> Result<AuditReport, StoreError> {
        let mut snapshot = self.database().snapshot().await?;
        let head: Option<HeadRow> = within!(&mut snapshot, connection => {
            sqlx::query_as(HEAD).fetch_optional(connection).await?
        });
        let head = head.and_then(|row| row.checked(&self.audit_keys()).ok());
        let mut checker = Checker::new();
        let (mut misfiled, mut misfiled_count) = (Vec::new(), 0_u64);
        let mut last = i64::MIN;
        loop {
            let rows: Vec<FiledRow> = within!(&mut snapshot, connection => sqlx::query_as(
                "SELECT seq, leaf, chain, tenant, actor, action, target, at FROM audit \
                 WHERE seq > $1 ORDER BY seq LIMIT $2",
            )
            .bind(last)
            .bind(i64::from(VERIFY_PAGE))
            .fetch_all(connection)
            .await?);
            let Some(end) = rows.last() else { break };
            last = end.seq;
            for row in &rows {
                // No leaf has such a number or chain: the checker will say so.
                let seq = u64::try_from(row.seq).unwrap_or(u64::MAX);
                let chain = row.chain.as_slice().try_into().unwrap_or(EMPTY_CHAIN);
                checker.leaf(seq, &row.leaf, &chain);
                if !row.is_filed_right() {
                    misfiled_count += 1;
                    if misfiled.len() < MISFILED_MAX {
                        misfiled.push(seq);
                    }
                }
            }
        }
        let head = head.map(|head| (head.size, head.chain, head.frontier.root()));
        Ok(AuditReport {
            report: checker.finish(head),
            misfiled,
            misfiled_count,
        })
    }
}

impl LeafRow {
    fn record(self) -> Result<AuditRecord, StoreError> {
        let at = Place {
            table: "audit",
            row: &self.seq.to_string(),
        };
        Ok(AuditRecord {
            seq: at.count("seq", self.seq)?,
            chain: at.array("chain", &self.chain)?,
            leaf: self.leaf,
        })
    }
}

fn push_filter<DB: sqlx::Database>(query: &mut QueryBuilder<DB>, filter: &AuditFilter)
where
    for<'q> String: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    for<'q> i64: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
{
    query.push(" WHERE seq >= 0");
    for (column, value) in [
        ("tenant", filter.tenant.map(|tenant| tenant.to_string())),
        ("action", filter.action.clone()),
        ("actor", filter.actor.clone()),
        ("target", filter.target.clone()),
    ] {
        if let Some(value) = value {
            query
                .push(format_args!(" AND {column} = "))
                .push_bind(value.replace('\0', ""));
        }
    }
    for (condition, moment) in [("at >=", filter.from), ("at <", filter.to)] {
        if let Some(moment) = moment {
            query
                .push(format_args!(" AND {condition} "))
                .push_bind(moment.milliseconds());
        }
    }
}
