//! Plans: a tenant's named sets of limits.

use keywright_core::change::Edit;
use keywright_core::id::TenantId;
use keywright_core::plan::Plan;
use sqlx::FromRow;

use crate::apply::one;
use crate::connection::within;
use crate::database::reading;
use crate::decode::Place;
use crate::error::StoreError;
use crate::feed::Changed;
use crate::store::Store;
use crate::tx::Tx;

#[derive(FromRow)]
struct PlanRow {
    name: String,
    description: String,
    limits: String,
}

impl PlanRow {
    fn plan(self) -> Result<Plan, StoreError> {
        let at = Place {
            table: "plans",
            row: &self.name,
        };
        Ok(Plan {
            name: at.parse("name", &self.name)?,
            limits: at.parse("limits", &self.limits)?,
            description: self.description,
        })
    }
}

impl Store {
    /// The plans of a tenant, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn plans(&self, tenant: TenantId) -> Result<Vec<Plan>, StoreError> {
        let rows: Vec<PlanRow> = reading!(self, pool => sqlx::query_as(
            "SELECT name, description, limits FROM plans WHERE tenant = $1 ORDER BY name",
        )
        .bind(tenant.to_string())
        .fetch_all(pool)
        .await)?;
        rows.into_iter().map(PlanRow::plan).collect()
    }

    /// How many keys of a tenant have this plan.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_keys_of_plan(
        &self,
        tenant: TenantId,
        plan: &str,
    ) -> Result<u64, StoreError> {
        let counted: i64 = reading!(self, pool => sqlx::query_scalar(
            "SELECT COUNT(*) FROM keys WHERE tenant = $1 AND plan = $2",
        )
        .bind(tenant.to_string())
        .bind(plan)
        .fetch_one(pool)
        .await)?;
        Ok(u64::try_from(counted).unwrap_or(0))
    }
}

impl Tx {
    pub(crate) async fn apply_plan(
        &mut self,
        tenant: TenantId,
        edit: &Edit<Plan>,
    ) -> Result<(), StoreError> {
        let plan = edit.subject();
        let rows = within!(&mut self.writer, connection => match edit {
            Edit::Create(_) => sqlx::query(
                "INSERT INTO plans (tenant, name, description, limits) VALUES ($1, $2, $3, $4)",
            )
            .bind(tenant.to_string())
            .bind(plan.name.as_str())
            .bind(&plan.description)
            .bind(plan.limits.to_string())
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Update { before, .. } => sqlx::query(
                "UPDATE plans SET description = $3, limits = $4 \
                 WHERE tenant = $1 AND name = $2 AND description = $5 AND limits = $6",
            )
            .bind(tenant.to_string())
            .bind(plan.name.as_str())
            .bind(&plan.description)
            .bind(plan.limits.to_string())
            .bind(&before.description)
            .bind(before.limits.to_string())
            .execute(connection)
            .await?
            .rows_affected(),
            Edit::Delete(_) => sqlx::query("DELETE FROM plans WHERE tenant = $1 AND name = $2")
                .bind(tenant.to_string())
                .bind(plan.name.as_str())
                .execute(connection)
                .await?
                .rows_affected(),
        });
        one(rows)?;
        if edit.after().is_none() {
            self.plans.insert((tenant, plan.name.clone()));
        }
        self.forget(Changed::Tenant(tenant));
        Ok(())
    }

    /// A key without its plan would be without its limits: whoever commits second of one that
    /// removes the plan and one that refers to it has decided on what is no more.
    pub(crate) async fn check_plans(&mut self) -> Result<(), StoreError> {
        for (tenant, plan) in std::mem::take(&mut self.plans) {
            let orphans: i64 = within!(&mut self.writer, connection => sqlx::query_scalar(
                "SELECT COUNT(*) FROM (SELECT 1 FROM keys WHERE tenant = $1 AND plan = $2 AND NOT EXISTS \
                 (SELECT 1 FROM plans WHERE tenant = $1 AND name = $2) LIMIT 1) AS orphans",
            )
            .bind(tenant.to_string())
            .bind(plan.as_str())
            .fetch_one(connection)
            .await?);
            if orphans > 0 {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }
}
