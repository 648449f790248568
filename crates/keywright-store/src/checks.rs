//! What checks need, each in one statement, and what they leave behind: when a key was last used,
//! and its digests under a newer pepper.

use std::collections::BTreeMap;
use std::net::IpAddr;

use keywright_core::change::Credentials;
use keywright_core::id::{KeyId, TenantId, UserId};
use keywright_core::key::Key;
use keywright_core::plan::Plan;
use keywright_core::role::Role;
use keywright_core::scope::Catalogue;
use keywright_core::tenant::Tenant;
use keywright_core::time::Timestamp;
use keywright_core::token::digest::{Digest, PepperId};
use sqlx::FromRow;

use crate::connection::within;
use crate::database::reading;
use crate::decode::Place;
use crate::error::StoreError;
use crate::feed::Changed;
use crate::key_row::{KeyRow, key_columns};
use crate::store::Store;
use crate::tx;

/// What a check needs to know of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyRecord {
    /// The key.
    pub key: Key,
    /// Its digests.
    pub credentials: Credentials,
    /// Its owner, if it has one.
    pub owner: Option<OwnerRecord>,
    /// Of a pair whose requests are signed: its secret, sealed.
    pub sealed_secret: Option<Vec<u8>>,
}

/// What a check needs to know of a key's owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerRecord {
    /// The user.
    pub id: UserId,
    /// E-mail address; empty when the user was removed.
    pub email: String,
    /// Whether the user's keys work: not when the user is disabled, or belongs to the tenant no more.
    pub active: bool,
}

/// What a check needs to know of a tenant.
#[derive(Clone, Debug)]
pub struct TenantFacts {
    /// The tenant.
    pub tenant: Tenant,
    /// Its scopes.
    pub catalogue: Catalogue,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Its plans.
    pub plans: Vec<Plan>,
}

/// A use of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUseRecord {
    /// The key's tenant.
    pub tenant: TenantId,
    /// The key.
    pub key: KeyId,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub address: Option<IpAddr>,
}

/// A key's digests under another pepper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rehash {
    /// The key's tenant.
    pub tenant: TenantId,
    /// The key.
    pub key: KeyId,
    /// The digest by which it is found now; if it is not, nothing happens.
    pub former: Digest,
    /// The pepper of the new digests.
    pub pepper: PepperId,
    /// By which it is found from now on.
    pub lookup: Digest,
    /// Of a pair: the new digest of its secret.
    pub secret: Option<Digest>,
}

#[derive(FromRow)]
struct VerifyRow {
    #[sqlx(flatten)]
    key: KeyRow,
    owner_email: Option<String>,
    owner_disabled_at: Option<i64>,
    owner_belongs: Option<bool>,
    sealed_secret: Option<Vec<u8>>,
}

impl VerifyRow {
    fn record(self) -> Result<VerifyRecord, StoreError> {
        let credentials = self.key.credentials()?;
        let key = self.key.key()?;
        let owner = key.owner.map(|id| OwnerRecord {
            id,
            active: self.owner_belongs == Some(true) && self.owner_disabled_at.is_none(),
            email: self.owner_email.unwrap_or_default(),
        });
        Ok(VerifyRecord {
            sealed_secret: self.sealed_secret,
            key,
            credentials,
            owner,
        })
    }
}

impl Store {
    /// The key that a presented text digests to.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn key_for_verify(
        &self,
        digest: &Digest,
    ) -> Result<Option<VerifyRecord>, StoreError> {
        let row: Option<VerifyRow> = reading!(self, pool => sqlx::query_as(concat!(
            "SELECT ", key_columns!(), ", o.email AS owner_email, o.disabled_at AS owner_disabled_at, \
             (o.platform_admin OR m.user_id IS NOT NULL) AS owner_belongs, \
             (SELECT s.sealed_secret FROM request_signing s WHERE s.key_id = k.id) AS sealed_secret FROM keys k \
             LEFT JOIN users o ON o.id = k.owner \
             LEFT JOIN memberships m ON m.user_id = k.owner AND m.tenant = k.tenant WHERE k.lookup_digest = $1",
        ))
        .bind(digest.as_bytes().as_slice())
        .fetch_optional(pool)
        .await)?;
        row.map(VerifyRow::record).transpose()
    }

    /// A tenant with its scopes and roles. They may be of different moments: whatever changes
    /// between the reads comes with a later feed row, which makes the reader read again.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tenant_facts(&self, id: TenantId) -> Result<Option<TenantFacts>, StoreError> {
        let Some(tenant) = self.tenant(&id.to_string()).await? else {
            return Ok(None);
        };
        let catalogue = Catalogue::new(self.scopes(id).await?)
            .map_err(|_| StoreError::inconsistent("scopes", "implies", id.to_string()))?;
        Ok(Some(TenantFacts {
            tenant,
            catalogue,
            roles: self.roles(id).await?,
            plans: self.plans(id).await?,
        }))
    }

    /// Keys to fill a cache with, `limit` at most, in the order of their identifiers.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn warm_keys(
        &self,
        after: Option<KeyId>,
        limit: u32,
    ) -> Result<Vec<VerifyRecord>, StoreError> {
        let rows: Vec<VerifyRow> = reading!(self, pool => sqlx::query_as(concat!(
            "SELECT ", key_columns!(), ", o.email AS owner_email, o.disabled_at AS owner_disabled_at, \
             (o.platform_admin OR m.user_id IS NOT NULL) AS owner_belongs, \
             (SELECT s.sealed_secret FROM request_signing s WHERE s.key_id = k.id) AS sealed_secret FROM keys k \
             LEFT JOIN users o ON o.id = k.owner \
             LEFT JOIN memberships m ON m.user_id = k.owner AND m.tenant = k.tenant WHERE k.id > $1 ORDER BY k.id LIMIT $2",
        ))
        .bind(after.map(|id| id.to_string()).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(pool)
        .await)?;
        rows.into_iter().map(VerifyRow::record).collect()
    }

    /// Notes uses of keys, the latest of each key. Keys that are gone are passed over. Touches no
    /// key and no feed: it may come late and often (trust D8).
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn record_last_use(&self, uses: &[LastUseRecord]) -> Result<(), StoreError> {
        // One order for all, so that two nodes never wait for each other's rows in a circle.
        let uses: BTreeMap<(KeyId, Timestamp), &LastUseRecord> = uses
            .iter()
            .map(|last_use| ((last_use.key, last_use.at), last_use))
            .collect();
        if uses.is_empty() {
            return Ok(());
        }
        let mut writer = self.database().begin().await?;
        for last_use in uses.values() {
            within!(&mut writer, connection => sqlx::query(
                "UPDATE key_usage SET last_used_at = $2, last_address = $3 \
                 WHERE key_id = $1 AND last_used_at <= $2",
            )
            .bind(last_use.key.to_string())
            .bind(last_use.at.milliseconds())
            .bind(last_use.address.map(|address| address.to_string()))
            .execute(connection)
            .await?
            .rows_affected());
        }
        writer.commit().await
    }

    /// Stores digests under another pepper, each only if the key is still found by the former one.
    /// No leaf records it: the key stays the same.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn rehash(&self, rehashes: &[Rehash], now: Timestamp) -> Result<u64, StoreError> {
        if rehashes.is_empty() {
            return Ok(0);
        }
        let mut writer = self.database().begin().await?;
        let mut feed = Vec::new();
        let mut changed = 0;
        for rehash in rehashes {
            let rows = within!(&mut writer, connection => sqlx::query(
                "UPDATE keys SET lookup_digest = $3, secret_digest = COALESCE($4, secret_digest), \
                 pepper_id = $5 WHERE id = $1 AND lookup_digest = $2",
            )
            .bind(rehash.key.to_string())
            .bind(rehash.former.as_bytes().as_slice())
            .bind(rehash.lookup.as_bytes().as_slice())
            .bind(rehash.secret.as_ref().map(|digest| digest.as_bytes().as_slice()))
            .bind(i64::from(rehash.pepper.0))
            .execute(connection)
            .await?
            .rows_affected());
            if rows == 1 {
                changed += 1;
                let Rehash {
                    tenant, key: id, ..
                } = *rehash;
                feed.push(Changed::Key {
                    tenant,
                    id,
                    digest: rehash.former,
                });
                feed.push(Changed::Key {
                    tenant,
                    id,
                    digest: rehash.lookup,
                });
            }
        }
        tx::lock(&mut writer).await?;
        let position = tx::write_feed(&mut writer, &feed, now).await?;
        writer.commit().await?;
        if position > 0 {
            self.commits().send_replace(position);
        }
        Ok(changed)
    }

    /// How many keys are stored under each pepper.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_by_pepper(&self) -> Result<Vec<(PepperId, u64)>, StoreError> {
        let rows: Vec<(i64, i64)> = reading!(self, pool => sqlx::query_as(
            "SELECT pepper_id, COUNT(*) FROM keys GROUP BY pepper_id ORDER BY pepper_id",
        )
        .fetch_all(pool)
        .await)?;
        let count = |(pepper, keys): (i64, i64)| {
            let at = Place {
                table: "keys",
                row: &pepper.to_string(),
            };
            let pepper = u32::try_from(pepper).map_err(|_| at.inconsistent("pepper_id"))?;
            Ok((PepperId(pepper), at.count("pepper_id", keys)?))
        };
        rows.into_iter().map(count).collect()
    }
}
