//! What is sealed at rest, opaque here: subject keys, the blobs that a change of root seals anew,
//! the values by which a wrong root or pepper is noticed, and the installation's own values.

use keywright_core::id::UserId;
use sqlx::FromRow;

use crate::connection::within;
use crate::database::reading;
use crate::decode::Place;
use crate::error::StoreError;
use crate::page;
use crate::store::Store;
use crate::tx::Tx;

/// The tables that hold sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedKind {
    /// Private signing keys: table `signing_keys`, column `sealed_private`.
    SigningKeys,
    /// Keys of people's data in the audit trail: table `subject_keys`, column `sealed`.
    SubjectKeys,
    /// Secrets of pairs whose requests are signed: table `request_signing`, column `sealed_secret`.
    RequestSigning,
}

impl SealedKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::SigningKeys, Self::SubjectKeys, Self::RequestSigning];
}

/// A sealed value with what names its row.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SealedRow {
    /// The tenant's identifier; empty where rows belong to none.
    pub tenant: String,
    /// The row: a signing key's `kid`, a user's or a key's identifier.
    pub row: String,
    /// The sealed value.
    pub sealed: Vec<u8>,
}

/// By which a wrong root or pepper is noticed at the start (trust R30).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyringCheck {
    /// `root` or `pepper`.
    pub kind: String,
    /// Which one.
    pub id: u32,
    /// What the right one yields.
    pub check: Vec<u8>,
}

impl Store {
    /// The sealed key of a person's data in the audit trail.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn subject_key(&self, user: UserId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(reading!(self, pool => {
            sqlx::query_scalar("SELECT sealed FROM subject_keys WHERE user_id = $1")
                .bind(user.to_string())
                .fetch_optional(pool)
                .await
        })?)
    }

    /// Stores such a key, unless there is one already or the user is gone: what is stored counts.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put_subject_key(&self, user: UserId, sealed: &[u8]) -> Result<(), StoreError> {
        let mut writer = self.database().begin().await?;
        within!(&mut writer, connection => sqlx::query(
            "INSERT INTO subject_keys (user_id, sealed) SELECT id, $2 FROM users WHERE id = $1 \
             ON CONFLICT (user_id) DO NOTHING",
        )
        .bind(user.to_string())
        .bind(sealed)
        .execute(connection)
        .await?
        .rows_affected());
        writer.commit().await
    }

    /// Sealed values, `limit` at most, after the row `after`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn sealed_rows(
        &self,
        kind: SealedKind,
        after: Option<&SealedRow>,
        limit: u32,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let statement = match kind {
            SealedKind::SigningKeys => {
                "SELECT tenant, kid AS row, sealed_private AS sealed FROM signing_keys \
                 WHERE (tenant, kid) > ($1, $2) ORDER BY tenant, kid LIMIT $3"
            }
            SealedKind::SubjectKeys => {
                "SELECT '' AS tenant, user_id AS row, sealed FROM subject_keys \
                 WHERE ('', user_id) > ($1, $2) ORDER BY user_id LIMIT $3"
            }
            SealedKind::RequestSigning => {
                "SELECT tenant, key_id AS row, sealed_secret AS sealed FROM request_signing \
                 WHERE (tenant, key_id) > ($1, $2) ORDER BY tenant, key_id LIMIT $3"
            }
        };
        let (tenant, row) = after.map_or(("", ""), |after| (&*after.tenant, &*after.row));
        Ok(reading!(self, pool => sqlx::query_as(statement)
            .bind(tenant)
            .bind(row)
            .bind(i64::from(limit))
            .fetch_all(pool)
            .await)?)
    }

    /// Users whose stored password begins with `prefix`, which tells its pepper.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_passwords(&self, prefix: &str) -> Result<u64, StoreError> {
        let counted: i64 = reading!(self, pool => sqlx::query_scalar(
            "SELECT COUNT(*) FROM users WHERE password LIKE $1 ESCAPE '\\'",
        )
        .bind(page::beginning(prefix))
        .fetch_one(pool)
        .await)?;
        Ok(u64::try_from(counted).unwrap_or(0))
    }

    /// The values by which a wrong root or pepper is noticed.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn keyring_checks(&self) -> Result<Vec<KeyringCheck>, StoreError> {
        let rows: Vec<(String, i64, Vec<u8>)> = reading!(self, pool => sqlx::query_as(
            "SELECT kind, id, check_value FROM keyring_checks ORDER BY kind, id",
        )
        .fetch_all(pool)
        .await)?;
        let check = |(kind, id, check): (String, i64, Vec<u8>)| {
            let at = Place {
                table: "keyring_checks",
                row: &kind,
            };
            let id = u32::try_from(id).map_err(|_| at.inconsistent("id"))?;
            Ok(KeyringCheck { kind, id, check })
        };
        rows.into_iter().map(check).collect()
    }
}

impl Tx {
    /// Replaces a sealed value with the same one sealed anew.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is no longer the one that was read.
    pub async fn replace_sealed(
        &mut self,
        kind: SealedKind,
        read: &SealedRow,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        let statement = match kind {
            SealedKind::SigningKeys => {
                "UPDATE signing_keys SET sealed_private = $4 \
                 WHERE tenant = $1 AND kid = $2 AND sealed_private = $3"
            }
            SealedKind::SubjectKeys => {
                "UPDATE subject_keys SET sealed = $4 \
                 WHERE $1 = '' AND user_id = $2 AND sealed = $3"
            }
            SealedKind::RequestSigning => {
                "UPDATE request_signing SET sealed_secret = $4 \
                 WHERE tenant = $1 AND key_id = $2 AND sealed_secret = $3"
            }
        };
        let rows = within!(&mut self.writer, connection => sqlx::query(statement)
            .bind(&read.tenant)
            .bind(&read.row)
            .bind(&read.sealed)
            .bind(sealed)
            .execute(connection)
            .await?
            .rows_affected());
        if rows != 1 {
            return Err(StoreError::Conflict);
        }
        if kind == SealedKind::RequestSigning {
            let at = Place {
                table: "request_signing",
                row: &read.row,
            };
            let (tenant, key) = (
                at.parse("tenant", &read.tenant)?,
                at.parse("key_id", &read.row)?,
            );
            self.forget_signing_key_of(tenant, key).await?;
        }
        Ok(())
    }

    /// Stores the value by which a wrong root or pepper is noticed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put_keyring_check(&mut self, check: &KeyringCheck) -> Result<(), StoreError> {
        within!(&mut self.writer, connection => sqlx::query(
            "INSERT INTO keyring_checks (kind, id, check_value) VALUES ($1, $2, $3) \
             ON CONFLICT (kind, id) DO UPDATE SET check_value = excluded.check_value",
        )
        .bind(&check.kind)
        .bind(i64::from(check.id))
        .bind(&check.check)
        .execute(connection)
        .await?
        .rows_affected());
        Ok(())
    }

    /// Removes such a value, when its root or pepper is no longer used.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn remove_keyring_check(&mut self, kind: &str, id: u32) -> Result<(), StoreError> {
        within!(&mut self.writer, connection => {
            sqlx::query("DELETE FROM keyring_checks WHERE kind = $1 AND id = $2")
                .bind(kind)
                .bind(i64::from(id))
                .execute(connection)
                .await?
                .rows_affected()
        });
        Ok(())
    }

    /// Stores a value of the installation as a whole.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put_installation_value(
        &mut self,
        name: &str,
        value: &[u8],
    ) -> Result<(), StoreError> {
        within!(&mut self.writer, connection => sqlx::query(
            "INSERT INTO meta (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .execute(connection)
        .await?
        .rows_affected());
        Ok(())
    }
}
