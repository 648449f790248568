//! Keys: made, changed, deleted.

use keywright_core::change::{Change, Credentials};
use keywright_core::key::{Key, KeyChange};
use sqlx::QueryBuilder;

use super::one;
use crate::connection::within;
use crate::decode::{self, Place};
use crate::error::StoreError;
use crate::feed::Changed;
use crate::key_row::Stored;
use crate::tx::{INSERT_ROWS, Tx};

impl Tx {
    /// Inserts the new keys of these changes, which are nothing else.
    pub(crate) async fn insert_keys(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        for chunk in changes.chunks(INSERT_ROWS) {
            let mut rows = Vec::with_capacity(chunk.len());
            for change in chunk {
                let (key, credentials) = new_key(change)?;
                rows.push((Stored::new(key)?, credentials));
            }
            within!(&mut self.writer, connection => {
                let mut query = QueryBuilder::new(INSERT);
                query.push_values(&rows, |mut row, (stored, credentials)| {
                    let Stored { key, .. } = stored;
                    let attributes = &key.attributes;
                    row.push_bind(key.id.to_string())
                        .push_bind(key.tenant.to_string())
                        .push_bind(key.lineage.to_string())
                        .push_bind(key.format.as_str())
                        .push_bind(key.kind.as_str())
                        .push_bind(key.purpose.map(|purpose| purpose.as_str()))
                        .push_bind(attributes.name.as_deref())
                        .push_bind(attributes.description.as_deref())
                        .push_bind(key.hint.as_str())
                        .push_bind(key.environment.as_str())
                        .push_bind(key.owner.map(|owner| owner.to_string()))
                        .push_bind(attributes.external_id.as_deref())
                        .push_bind(stored.state)
                        .push_bind(stored.state_at)
                        .push_bind(stored.revoke_reason)
                        .push_bind(key.created_at.milliseconds())
                        .push_bind(stored.expires_at)
                        .push_bind(stored.not_before)
                        .push_bind(stored.scopes.as_str())
                        .push_bind(stored.roles.as_str())
                        .push_bind(stored.tags.as_str())
                        .push_bind(stored.addresses.as_str())
                        .push_bind(attributes.metadata.as_deref())
                        .push_bind(i64::from(credentials.pepper.0))
                        .push_bind(credentials.lookup.as_bytes().as_slice())
                        .push_bind(credentials.secret.as_ref().map(|it| it.as_bytes().as_slice()))
                        .push_bind(decode::number(key.version))
                        .push_bind(stored.folded_name.as_str())
                        .push_bind(stored.searched.as_str())
                        .push_bind(stored.limits.as_str())
                        .push_bind(stored.plan)
                        .push_bind(stored.restrictions.as_deref());
                });
                query.build().execute(&mut *connection).await?;
                let mut query = QueryBuilder::new("INSERT INTO key_usage (key_id, tenant) ");
                query.push_values(&rows, |mut row, (stored, _)| {
                    row.push_bind(stored.key.id.to_string())
                        .push_bind(stored.key.tenant.to_string());
                });
                query.build().execute(connection).await?;
            });
            for (stored, credentials) in &rows {
                let Stored { key, .. } = stored;
                *self.counts.entry(key.tenant).or_default() += 1;
                self.refer_to_plan(key);
                self.forget(Changed::Key {
                    tenant: key.tenant,
                    id: key.id,
                    digest: credentials.lookup,
                });
            }
        }
        Ok(())
    }

    pub(crate) async fn apply_key(&mut self, change: &KeyChange) -> Result<(), StoreError> {
        match (change.before.as_deref(), change.after.as_deref()) {
            (Some(before), Some(after)) => self.update_key(before, after).await,
            (Some(before), None) => self.delete_key(before).await,
            // `apply_all` has inserted new keys; a change of nothing to nothing changes nothing.
            (None, _) => Ok(()),
        }
    }

    async fn update_key(&mut self, before: &Key, after: &Key) -> Result<(), StoreError> {
        let stored = Stored::new(after)?;
        self.refer_to_plan(after);
        let attributes = &after.attributes;
        let digest: Option<Vec<u8>> = within!(&mut self.writer, connection => {
            sqlx::query_scalar(UPDATE)
                .bind(after.id.to_string())
                .bind(after.tenant.to_string())
                .bind(decode::number(before.version))
                .bind(attributes.name.as_deref())
                .bind(attributes.description.as_deref())
                .bind(attributes.external_id.as_deref())
                .bind(stored.state)
                .bind(stored.state_at)
                .bind(stored.revoke_reason)
                .bind(stored.expires_at)
                .bind(stored.not_before)
                .bind(stored.scopes)
                .bind(stored.roles)
                .bind(stored.tags)
                .bind(stored.addresses)
                .bind(attributes.metadata.as_deref())
                .bind(decode::number(after.version))
                .bind(stored.folded_name)
                .bind(stored.searched)
                .bind(after.owner.map(|owner| owner.to_string()))
                .bind(stored.limits)
                .bind(stored.plan)
                .bind(stored.restrictions)
                .fetch_optional(connection)
                .await?
        });
        self.forget_key(after, digest)
    }

    async fn delete_key(&mut self, before: &Key) -> Result<(), StoreError> {
        let digest: Option<Vec<u8>> = within!(&mut self.writer, connection => {
            sqlx::query_scalar(
                "DELETE FROM keys WHERE id = $1 AND tenant = $2 AND version = $3 \
                 RETURNING lookup_digest",
            )
            .bind(before.id.to_string())
            .bind(before.tenant.to_string())
            .bind(decode::number(before.version))
            .fetch_optional(connection)
            .await?
        });
        *self.counts.entry(before.tenant).or_default() -= 1;
        self.forget_key(before, digest)
    }

    fn refer_to_plan(&mut self, key: &Key) {
        let plan = key.attributes.plan.as_ref();
        self.plans
            .extend(plan.map(|plan| (key.tenant, plan.clone())));
    }

    fn forget_key(&mut self, key: &Key, digest: Option<Vec<u8>>) -> Result<(), StoreError> {
        one(u64::from(digest.is_some()))?;
        let at = Place {
            table: "keys",
            row: &key.id.to_string(),
        };
        let digest = at.digest("lookup_digest", &digest.unwrap_or_default())?;
        self.forget(Changed::Key {
            tenant: key.tenant,
            id: key.id,
            digest,
        });
        Ok(())
    }
}

const INSERT: &str = "INSERT INTO keys (id, tenant, lineage, format, kind, purpose, name, \
    description, hint, environment, owner, external_id, state, state_at, revoke_reason, created_at, \
    expires_at, not_before, scopes, roles, tags, addresses, metadata, pepper_id, lookup_digest, \
    secret_digest, version, folded_name, searched, limits, plan, \
    restrictions) ";

/// Everything that may change; what may not (format, digests, environment) is not there.
const UPDATE: &str = "UPDATE keys SET name = $4, description = $5, external_id = $6, state = $7, \
    state_at = $8, revoke_reason = $9, expires_at = $10, not_before = $11, scopes = $12, \
    roles = $13, tags = $14, addresses = $15, metadata = $16, version = $17, folded_name = $18, \
    searched = $19, owner = $20, limits = $21, plan = $22, \
    restrictions = $23 WHERE id = $1 AND tenant = $2 AND version = $3 \
    RETURNING lookup_digest";

fn new_key(change: &Change) -> Result<(&Key, &Credentials), StoreError> {
    match change {
        Change::Key {
            change:
                KeyChange {
                    before: None,
                    after: Some(key),
                    ..
                },
            credentials: Some(credentials),
        } => Ok((key, credentials)),
        _ => Err(StoreError::other(
            "a new key comes with itself and its digests",
        )),
    }
}
