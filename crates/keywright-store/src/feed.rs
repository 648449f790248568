//! The change feed: what nodes must forget, in the order of the commits (trust D2), and the wake-up
//! that saves them from asking all the time (trust D3). Wake-ups are hints; the feed is the truth.

use std::time::Duration;

use keywright_core::id::{KeyId, TenantId};
use keywright_core::token::digest::Digest;
use sqlx::FromRow;
use sqlx::postgres::PgListener;
use tokio::sync::watch;

use crate::database::{self, Database, following, reading};
use crate::decode;
use crate::error::StoreError;
use crate::store::Store;

/// Longest time without looking: a lost wake-up, or a change by another process on SQLite, delays
/// a change by no more.
const POLL: Duration = Duration::from_millis(500);
/// PostgreSQL's channel.
pub(crate) const CHANNEL: &str = "keywright_feed";

/// One change, as far as caches care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// The position: greater means committed later. Gaps are normal.
    pub seq: u64,
    /// What changed.
    pub what: Changed,
}

/// What must be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// A key, found by this digest.
    Key {
        /// Its tenant.
        tenant: TenantId,
        /// The key.
        id: KeyId,
        /// The digest under which it is cached.
        digest: Digest,
    },
    /// A tenant, with its scopes and roles, or the state of a user who belongs to it or owns keys in it.
    Tenant(TenantId),
    /// A tenant's JWT signing keys.
    SigningKeys(TenantId),
    /// All: the reader's position lies before the part of the feed that is kept, or the row is of
    /// a kind that only a newer version knows.
    Everything,
}

impl Changed {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Key { .. } => "key",
            Self::Tenant(_) => "tenant",
            Self::SigningKeys(_) => "signing_keys",
            Self::Everything => "everything",
        }
    }

    pub(crate) fn tenant(&self) -> Option<String> {
        match self {
            Self::Key { tenant, .. } | Self::Tenant(tenant) | Self::SigningKeys(tenant) => {
                Some(tenant.to_string())
            }
            Self::Everything => None,
        }
    }

    pub(crate) fn id(&self) -> Option<String> {
        match self {
            Self::Key { id, .. } => Some(id.to_string()),
            Self::Tenant(_) | Self::SigningKeys(_) | Self::Everything => None,
        }
    }

    pub(crate) fn digest(&self) -> Option<Vec<u8>> {
        match self {
            Self::Key { digest, .. } => Some(digest.as_bytes().to_vec()),
            Self::Tenant(_) | Self::SigningKeys(_) | Self::Everything => None,
        }
    }
}

#[derive(FromRow)]
struct Row {
    seq: i64,
    kind: String,
    tenant: Option<String>,
    id: Option<String>,
    digest: Option<Vec<u8>>,
}

impl Row {
    fn row(self) -> Result<FeedRow, StoreError> {
        let at = decode::Place {
            table: "feed",
            row: &self.seq.to_string(),
        };
        let tenant = || at.parse("tenant", self.tenant.as_deref().unwrap_or_default());
        let what = match self.kind.as_str() {
            "key" => Changed::Key {
                tenant: tenant()?,
                id: at.parse("id", self.id.as_deref().unwrap_or_default())?,
                digest: at.digest("digest", self.digest.as_deref().unwrap_or_default())?,
            },
            "tenant" => Changed::Tenant(tenant()?),
            "signing_keys" => Changed::SigningKeys(tenant()?),
            _ => Changed::Everything,
        };
        Ok(FeedRow {
            seq: at.count("seq", self.seq)?,
            what,
        })
    }
}

/// Wakes whoever follows the feed.
#[derive(Debug)]
pub struct FeedListener(Source);

#[derive(Debug)]
enum Source {
    Lite(watch::Receiver<u64>),
    Pg(Box<PgListener>),
}

impl FeedListener {
    /// Waits until something may have changed: a commit, or half a second. Dropping the wait loses nothing.
    pub async fn wait(&mut self) {
        match &mut self.0 {
            Source::Lite(commits) => {
                // The sender lives as long as the store; without it, the poll remains.
                if let Ok(Err(_)) = tokio::time::timeout(POLL, commits.changed()).await {
                    tokio::time::sleep(POLL).await;
                }
            }
            Source::Pg(listener) => match tokio::time::timeout(POLL, listener.recv()).await {
                Ok(Ok(_)) => while listener.next_buffered().is_some() {},
                // It connects again by itself; meanwhile the reads will tell.
                Ok(Err(_)) => tokio::time::sleep(POLL).await,
                Err(_) => {}
            },
        }
    }
}

impl Store {
    /// Rows of the feed after the position `after`, in order, `limit` at most. A reader that is too
    /// far behind gets [`Changed::Everything`] first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn feed_after(&self, after: u64, limit: u32) -> Result<Vec<FeedRow>, StoreError> {
        let found: Vec<Row> = following!(self, pool => sqlx::query_as(
            "SELECT seq, kind, tenant, id, digest FROM feed WHERE seq > $1 ORDER BY seq LIMIT $2",
        )
        .bind(decode::number(after))
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
        let mut rows = Vec::with_capacity(found.len());
        // Asked last: what is swept between the two reads is then noticed.
        let floor = self.feed_floor().await?;
        if after < floor {
            rows.push(FeedRow {
                seq: floor,
                what: Changed::Everything,
            });
        }
        for row in found {
            let row = row.row()?;
            if row.seq > floor {
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// The position of the last committed change.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn feed_position(&self) -> Result<u64, StoreError> {
        let last: Option<i64> = reading!(self, pool => {
            sqlx::query_scalar("SELECT MAX(seq) FROM feed").fetch_one(pool).await
        })?;
        match last {
            Some(last) => Ok(u64::try_from(last).unwrap_or(0)),
            None => self.feed_floor().await,
        }
    }

    /// A wake-up for whoever follows the feed. On PostgreSQL it has a connection of its own.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn feed_listener(&self) -> Result<FeedListener, StoreError> {
        Ok(FeedListener(match self.database() {
            Database::Lite { .. } => Source::Lite(self.commits().subscribe()),
            Database::Pg { listening, .. } => {
                Source::Pg(Box::new(database::listener(listening, CHANNEL).await?))
            }
        }))
    }

    /// The last position that was swept away.
    async fn feed_floor(&self) -> Result<u64, StoreError> {
        let floor: Option<Vec<u8>> = following!(self, pool => {
            sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
                .bind(FEED_FLOOR)
                .fetch_optional(pool)
                .await
        })?;
        match floor {
            None => Ok(0),
            Some(bytes) => bytes
                .try_into()
                .map(u64::from_be_bytes)
                .map_err(|_| StoreError::inconsistent("meta", "value", FEED_FLOOR)),
        }
    }
}

/// Where `meta` keeps the last position that was swept away: eight bytes, big end first.
pub(crate) const FEED_FLOOR: &str = "feed_floor";
