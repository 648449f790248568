//! The sealed secrets of pairs whose requests are signed. They go with their keys.

use keywright_core::change::SealedSecret;
use keywright_core::id::{KeyId, TenantId};

use super::one;
use crate::connection::within;
use crate::decode::Place;
use crate::error::StoreError;
use crate::feed::Changed;
use crate::tx::Tx;

impl Tx {
    pub(crate) async fn apply_request_signing(
        &mut self,
        secret: &SealedSecret,
    ) -> Result<(), StoreError> {
        let rows = within!(&mut self.writer, connection => sqlx::query(
            "INSERT INTO request_signing (key_id, tenant, sealed_secret) \
             SELECT id, tenant, $3 FROM keys \
             WHERE id = $1 AND tenant = $2 AND secret_digest IS NOT NULL",
        )
        .bind(secret.key.to_string())
        .bind(secret.tenant.to_string())
        .bind(&secret.sealed)
        .execute(connection)
        .await?
        .rows_affected());
        one(rows)?;
        self.forget_signing_key_of(secret.tenant, secret.key).await
    }

    /// Nodes hold the sealed secret with the key: it must be read again.
    pub(crate) async fn forget_signing_key_of(
        &mut self,
        tenant: TenantId,
        id: KeyId,
    ) -> Result<(), StoreError> {
        let digest: Vec<u8> = within!(&mut self.writer, connection => {
            sqlx::query_scalar("SELECT lookup_digest FROM keys WHERE id = $1")
                .bind(id.to_string())
                .fetch_one(connection)
                .await?
        });
        let at = Place {
            table: "keys",
            row: &id.to_string(),
        };
        let digest = at.digest("lookup_digest", &digest)?;
        self.forget(Changed::Key { tenant, id, digest });
        Ok(())
    }
}
