//! Tenants, their scopes, roles and signing keys.

use keywright_core::change::{Edit, SigningKeyRecord};
use keywright_core::id::TenantId;
use keywright_core::role::Role;
use keywright_core::scope::CatalogueEntry;
use keywright_core::tenant::Tenant;

use super::one;
use crate::connection::within;
use crate::decode;
use crate::error::StoreError;
use crate::feed::Changed;
use crate::settings;
use crate::tx::Tx;

impl Tx {
    pub(crate) async fn apply_tenant(&mut self, edit: &Edit<Tenant>) -> Result<(), StoreError> {
        let tenant = edit.subject();
        let before = edit
            .before()
            .map_or(0, |before| decode::number(before.version));
        let settings = settings::encode(&tenant.settings)?;
        let rows = within!(&mut self.writer, connection => match edit {
            Edit::Create(_) => sqlx::query(
                "INSERT INTO tenants (id, slug, name, suspended_at, settings, created_at, version) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(tenant.id.to_string())
            .bind(tenant.slug.as_str())
            .bind(&tenant.name)
            .bind(decode::milliseconds(tenant.suspended_at))
            .bind(settings)
            .bind(tenant.created_at.milliseconds())
            .bind(decode::number(tenant.version))
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Update { .. } => sqlx::query(
                "UPDATE tenants SET slug = $3, name = $4, suspended_at = $5, settings = $6, version = $7 \
                 WHERE id = $1 AND version = $2",
            )
            .bind(tenant.id.to_string())
            .bind(before)
            .bind(tenant.slug.as_str())
            .bind(&tenant.name)
            .bind(decode::milliseconds(tenant.suspended_at))
            .bind(settings)
            .bind(decode::number(tenant.version))
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Delete(_) => sqlx::query("DELETE FROM tenants WHERE id = $1 AND version = $2")
                .bind(tenant.id.to_string())
                .bind(before)
                .execute(connection)
                .await?
                .rows_affected(),
        });
        one(rows)?;
        self.forget(Changed::Tenant(tenant.id));
        Ok(())
    }

    pub(crate) async fn apply_scope(
        &mut self,
        tenant: TenantId,
        edit: &Edit<CatalogueEntry>,
    ) -> Result<(), StoreError> {
        let entry = edit.subject();
        let implies = decode::list(&entry.implies)?;
        let rows = within!(&mut self.writer, connection => match edit {
            Edit::Create(_) => sqlx::query(
                "INSERT INTO scopes (tenant, scope, description, implies) VALUES ($1, $2, $3, $4)",
            )
            .bind(tenant.to_string())
            .bind(entry.scope.to_string())
            .bind(&entry.description)
            .bind(implies)
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Update { before, .. } => sqlx::query(
                "UPDATE scopes SET description = $3, implies = $4 \
                 WHERE tenant = $1 AND scope = $2 AND description = $5 AND implies = $6",
            )
            .bind(tenant.to_string())
            .bind(entry.scope.to_string())
            .bind(&entry.description)
            .bind(implies)
            .bind(&before.description)
            .bind(decode::list(&before.implies)?)
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Delete(_) => sqlx::query("DELETE FROM scopes WHERE tenant = $1 AND scope = $2")
                .bind(tenant.to_string())
                .bind(entry.scope.to_string())
                .execute(connection)
                .await?
                .rows_affected(),
        });
        one(rows)?;
        self.catalogues.insert(tenant);
        self.forget(Changed::Tenant(tenant));
        Ok(())
    }

    pub(crate) async fn apply_role(
        &mut self,
        tenant: TenantId,
        edit: &Edit<Role>,
    ) -> Result<(), StoreError> {
        let role = edit.subject();
        let grants = decode::list(&role.grants)?;
        let rows = within!(&mut self.writer, connection => match edit {
            Edit::Create(_) => sqlx::query(
                "INSERT INTO roles (tenant, name, description, grants, builtin) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(tenant.to_string())
            .bind(role.name.to_string())
            .bind(&role.description)
            .bind(grants)
            .bind(role.builtin)
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Update { before, .. } => sqlx::query(
                "UPDATE roles SET description = $3, grants = $4 \
                 WHERE tenant = $1 AND name = $2 AND description = $5 AND grants = $6",
            )
            .bind(tenant.to_string())
            .bind(role.name.to_string())
            .bind(&role.description)
            .bind(grants)
            .bind(&before.description)
            .bind(decode::list(&before.grants)?)
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Delete(_) => sqlx::query("DELETE FROM roles WHERE tenant = $1 AND name = $2")
                .bind(tenant.to_string())
                .bind(role.name.to_string())
                .execute(connection)
                .await?
                .rows_affected(),
        });
        one(rows)?;
        self.forget(Changed::Tenant(tenant));
        Ok(())
    }

    pub(crate) async fn apply_signing_key(
        &mut self,
        edit: &Edit<SigningKeyRecord>,
    ) -> Result<(), StoreError> {
        let record = edit.subject();
        let rows = within!(&mut self.writer, connection => match edit {
            Edit::Create(_) => sqlx::query(
                "INSERT INTO signing_keys (tenant, kid, algorithm, public_jwk, sealed_private, \
                 active_at, retired_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(record.tenant.to_string())
            .bind(&record.kid)
            .bind(record.algorithm.name())
            .bind(&record.public_jwk)
            .bind(&record.sealed_private)
            .bind(record.active_at.milliseconds())
            .bind(decode::milliseconds(record.retired_at))
            .bind(record.created_at.milliseconds())
            .execute(connection)
            .await?
            .rows_affected(),
            // The sealed part is not among them: a change of root re-seals it meanwhile.
            Edit::Update { before, .. } => sqlx::query(
                "UPDATE signing_keys SET active_at = $3, retired_at = $4 \
                 WHERE tenant = $1 AND kid = $2 AND active_at = $5 AND COALESCE(retired_at, -1) = $6",
            )
            .bind(record.tenant.to_string())
            .bind(&record.kid)
            .bind(record.active_at.milliseconds())
            .bind(decode::milliseconds(record.retired_at))
            .bind(before.active_at.milliseconds())
            .bind(decode::milliseconds(before.retired_at).unwrap_or(-1))
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Delete(_) => sqlx::query("DELETE FROM signing_keys WHERE tenant = $1 AND kid = $2")
                .bind(record.tenant.to_string())
                .bind(&record.kid)
                .execute(connection)
                .await?
                .rows_affected(),
        });
        one(rows)?;
        self.forget(Changed::SigningKeys(record.tenant));
        Ok(())
    }
}
