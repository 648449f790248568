//! Users and their roles in tenants.

use keywright_core::change::Edit;
use keywright_core::id::UserId;
use keywright_core::user::{Membership, PasswordHash, TenantRole, User};

use super::one;
use crate::connection::within;
use crate::decode::{self, Place};
use crate::error::StoreError;
use crate::feed::Changed;
use crate::tx::Tx;

impl Tx {
    pub(crate) async fn apply_user(
        &mut self,
        edit: &Edit<User>,
        password: Option<&PasswordHash>,
    ) -> Result<(), StoreError> {
        let user = edit.subject();
        let password = password.map(PasswordHash::as_str);
        let version = edit
            .before()
            .map_or(0, |before| decode::number(before.version));
        // What checks know of a user is the address and whether the keys work. Asked before the
        // user's memberships are gone.
        let shown = match edit {
            Edit::Create(_) => false,
            Edit::Update { before, after } => {
                before.email != after.email || before.disabled_at != after.disabled_at
            }
            Edit::Delete(_) => true,
        };
        if shown {
            self.forget_tenants_of(user.id).await?;
        }
        let was_on = edit.before().is_some_and(|it| it.disabled_at.is_none());
        if was_on && edit.after().is_some_and(|it| it.disabled_at.is_some()) {
            self.disabled.insert(user.id);
        }
        let rows = within!(&mut self.writer, connection => match edit {
            Edit::Create(_) => sqlx::query(
                "INSERT INTO users (id, email, name, platform_admin, disabled_at, created_at, version, \
                 password) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(user.id.to_string())
            .bind(&user.email)
            .bind(user.name.as_deref())
            .bind(user.platform_admin)
            .bind(decode::milliseconds(user.disabled_at))
            .bind(user.created_at.milliseconds())
            .bind(decode::number(user.version))
            .bind(password)
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Update { .. } => sqlx::query(
                "UPDATE users SET email = $3, name = $4, platform_admin = $5, disabled_at = $6, \
                 version = $7, password = COALESCE($8, password) WHERE id = $1 AND version = $2",
            )
            .bind(user.id.to_string())
            .bind(version)
            .bind(&user.email)
            .bind(user.name.as_deref())
            .bind(user.platform_admin)
            .bind(decode::milliseconds(user.disabled_at))
            .bind(decode::number(user.version))
            .bind(password)
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Delete(_) => sqlx::query("DELETE FROM users WHERE id = $1 AND version = $2")
                .bind(user.id.to_string())
                .bind(version)
                .execute(connection)
                .await?
                .rows_affected(),
        });
        one(rows)
    }

    pub(crate) async fn apply_membership(
        &mut self,
        edit: &Edit<Membership>,
    ) -> Result<(), StoreError> {
        let membership = edit.subject();
        let rows = within!(&mut self.writer, connection => match edit {
            Edit::Create(_) => {
                sqlx::query("INSERT INTO memberships (tenant, user_id, role) VALUES ($1, $2, $3)")
                    .bind(membership.tenant.to_string())
                    .bind(membership.user.to_string())
                    .bind(membership.role.as_str())
                    .execute(connection)
                    .await?
                    .rows_affected()
            }
            Edit::Update { before, .. } => sqlx::query(
                "UPDATE memberships SET role = $3 WHERE tenant = $1 AND user_id = $2 AND role = $4",
            )
            .bind(membership.tenant.to_string())
            .bind(membership.user.to_string())
            .bind(membership.role.as_str())
            .bind(before.role.as_str())
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Delete(_) => sqlx::query(
                "DELETE FROM memberships WHERE tenant = $1 AND user_id = $2 AND role = $3",
            )
            .bind(membership.tenant.to_string())
            .bind(membership.user.to_string())
            .bind(membership.role.as_str())
            .execute(connection)
            .await?
            .rows_affected(),
        });
        one(rows)?;
        let was_owner = edit.before().is_some_and(|it| it.role == TenantRole::Owner);
        let is_owner = edit.after().is_some_and(|it| it.role == TenantRole::Owner);
        if was_owner && !is_owner {
            self.left.insert(membership.tenant);
        }
        self.forget(Changed::Tenant(membership.tenant));
        Ok(())
    }

    /// Two owners may each leave while the other stays, but not both: whoever commits second has decided
    /// on an owner who is no more.
    pub(crate) async fn check_owners(&mut self) -> Result<(), StoreError> {
        for user in std::mem::take(&mut self.disabled) {
            let owned: Vec<String> = within!(&mut self.writer, connection => sqlx::query_scalar(
                "SELECT tenant FROM memberships WHERE user_id = $1 AND role = $2",
            )
            .bind(user.to_string())
            .bind(TenantRole::Owner.as_str())
            .fetch_all(connection)
            .await?);
            for tenant in owned {
                let at = Place {
                    table: "memberships",
                    row: &tenant,
                };
                self.left.insert(at.parse("tenant", &tenant)?);
            }
        }
        for tenant in std::mem::take(&mut self.left) {
            let owners: i64 = within!(&mut self.writer, connection => sqlx::query_scalar(
                "SELECT COUNT(*) FROM memberships m JOIN users u ON u.id = m.user_id \
                 WHERE m.tenant = $1 AND m.role = $2 AND u.disabled_at IS NULL",
            )
            .bind(tenant.to_string())
            .bind(TenantRole::Owner.as_str())
            .fetch_one(connection)
            .await?);
            if owners == 0 {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }

    /// Every tenant that the user belongs to or owns keys in.
    async fn forget_tenants_of(&mut self, user: UserId) -> Result<(), StoreError> {
        let tenants: Vec<String> = within!(&mut self.writer, connection => sqlx::query_scalar(
            "SELECT tenant FROM memberships WHERE user_id = $1 \
             UNION SELECT tenant FROM keys WHERE owner = $1",
        )
        .bind(user.to_string())
        .fetch_all(connection)
        .await?);
        for tenant in tenants {
            let at = Place {
                table: "memberships",
                row: &tenant,
            };
            self.forget(Changed::Tenant(at.parse("tenant", &tenant)?));
        }
        Ok(())
    }
}
