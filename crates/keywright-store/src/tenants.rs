//! Tenants with their scopes and roles, and their signing keys.

use keywright_core::change::SigningKeyRecord;
use keywright_core::id::TenantId;
use keywright_core::role::Role;
use keywright_core::scope::CatalogueEntry;
use keywright_core::tenant::Tenant;
use keywright_core::time::Timestamp;
use keywright_core::token::jwt::SigningAlgorithm;
use sqlx::{FromRow, QueryBuilder};

use crate::database::reading;
use crate::decode::{self, Place};
use crate::error::StoreError;
use crate::page::{self, COUNT_MAX, Cursor, CursorValue, Page, PageRequest, Start, Total};
use crate::settings;
use crate::store::Store;

/// What a list of tenants is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TenantSort {
    /// The slug.
    #[default]
    Slug,
    /// When it was made.
    CreatedAt,
}

#[derive(FromRow)]
struct TenantRow {
    id: String,
    slug: String,
    name: String,
    suspended_at: Option<i64>,
    settings: String,
    created_at: i64,
    version: i64,
}

impl TenantRow {
    fn tenant(self) -> Result<Tenant, StoreError> {
        let at = Place {
            table: "tenants",
            row: &self.id,
        };
        Ok(Tenant {
            id: at.parse("id", &self.id)?,
            slug: at.parse("slug", &self.slug)?,
            settings: settings::decode(at, &self.settings)?,
            suspended_at: decode::moment(self.suspended_at),
            created_at: Timestamp::from_milliseconds(self.created_at),
            version: at.count("version", self.version)?,
            name: self.name,
        })
    }
}

/// A tenant's catalogue.
pub(crate) const SCOPES: &str =
    "SELECT scope, description, implies FROM scopes WHERE tenant = $1 ORDER BY scope";

#[derive(FromRow)]
pub(crate) struct ScopeRow {
    scope: String,
    description: String,
    implies: String,
}

impl ScopeRow {
    pub(crate) fn entry(self) -> Result<CatalogueEntry, StoreError> {
        let at = Place {
            table: "scopes",
            row: &self.scope,
        };
        Ok(CatalogueEntry {
            scope: at.parse("scope", &self.scope)?,
            implies: at.list("implies", &self.implies)?,
            description: self.description,
        })
    }
}

#[derive(FromRow)]
struct RoleRow {
    name: String,
    description: String,
    grants: String,
    builtin: bool,
}

#[derive(FromRow)]
struct SigningKeyRow {
    tenant: String,
    kid: String,
    algorithm: String,
    public_jwk: String,
    sealed_private: Vec<u8>,
    active_at: i64,
    retired_at: Option<i64>,
    created_at: i64,
}

impl SigningKeyRow {
    fn record(self) -> Result<SigningKeyRecord, StoreError> {
        let at = Place {
            table: "signing_keys",
            row: &self.kid,
        };
        Ok(SigningKeyRecord {
            tenant: at.parse("tenant", &self.tenant)?,
            algorithm: at.named("algorithm", SigningAlgorithm::from_name(&self.algorithm))?,
            public_jwk: self.public_jwk,
            sealed_private: self.sealed_private,
            active_at: Timestamp::from_milliseconds(self.active_at),
            retired_at: decode::moment(self.retired_at),
            created_at: Timestamp::from_milliseconds(self.created_at),
            kid: self.kid,
        })
    }
}

impl Store {
    /// A tenant, by its slug or its identifier. No slug looks like an identifier: a slug has at
    /// most one form, and 43 characters of `tenant-<uuid>` are looked up as an identifier first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tenant(&self, slug_or_id: &str) -> Result<Option<Tenant>, StoreError> {
        if slug_or_id.contains('\0') {
            return Ok(None);
        }
        let row: Option<TenantRow> = reading!(self, pool => sqlx::query_as(
            "SELECT id, slug, name, suspended_at, settings, created_at, version FROM tenants \
             WHERE slug = $1 OR id = $1 ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1",
        )
        .bind(slug_or_id)
        .fetch_optional(pool)
        .await)?;
        row.map(TenantRow::tenant).transpose()
    }

    /// A page of the tenants whose slug or name holds `search`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn tenants_page(
        &self,
        search: Option<&str>,
        request: &PageRequest<TenantSort>,
    ) -> Result<Page<Tenant>, StoreError> {
        let term = page::anywhere(&search.unwrap_or_default().to_lowercase());
        let counted: i64 = reading!(self, pool => sqlx::query_scalar(
            "SELECT COUNT(*) FROM (SELECT 1 FROM tenants \
             WHERE slug LIKE $1 ESCAPE '\\' OR LOWER(name) LIKE $1 ESCAPE '\\' LIMIT $2) AS counted",
        )
        .bind(&term)
        .bind(decode::number(COUNT_MAX + 1))
        .fetch_one(pool)
        .await)?;
        let column = match request.sort {
            TenantSort::Slug => "slug",
            TenantSort::CreatedAt => "created_at",
        };
        let rows: Vec<TenantRow> = reading!(self, pool => {
            let mut query = QueryBuilder::new(
                "SELECT id, slug, name, suspended_at, settings, created_at, version FROM tenants \
                 WHERE (slug LIKE ",
            );
            query.push_bind(&term).push(" ESCAPE '\\' OR LOWER(name) LIKE ");
            query.push_bind(&term).push(" ESCAPE '\\')");
            if let Start::After(Cursor { value, id }) = &request.start {
                query.push(format_args!(" AND ({column}, id) {} (", request.beyond()));
                match value {
                    CursorValue::Number(number) => query.push_bind(*number),
                    CursorValue::Text(text) => query.push_bind(text.replace('\0', "")),
                };
                query.push(", ").push_bind(id.replace('\0', "")).push(")");
            }
            let direction = request.direction();
            query.push(format_args!(" ORDER BY {column} {direction}, id {direction} LIMIT "));
            query.push_bind(request.fetch()).push(" OFFSET ").push_bind(request.offset());
            query.build_query_as().fetch_all(pool).await
        })?;
        let tenants = rows
            .into_iter()
            .map(TenantRow::tenant)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(page::cut(
            tenants,
            request.rows(),
            Total::bounded(counted),
            |tenant| Cursor {
                value: match request.sort {
                    TenantSort::Slug => CursorValue::Text(tenant.slug.to_string()),
                    TenantSort::CreatedAt => CursorValue::Number(tenant.created_at.milliseconds()),
                },
                id: tenant.id.to_string(),
            },
        ))
    }

    /// The scope catalogue of a tenant, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn scopes(&self, tenant: TenantId) -> Result<Vec<CatalogueEntry>, StoreError> {
        let rows: Vec<ScopeRow> = reading!(self, pool => {
            sqlx::query_as(SCOPES).bind(tenant.to_string()).fetch_all(pool).await
        })?;
        rows.into_iter().map(ScopeRow::entry).collect()
    }

    /// The roles of a tenant, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn roles(&self, tenant: TenantId) -> Result<Vec<Role>, StoreError> {
        let rows: Vec<RoleRow> = reading!(self, pool => sqlx::query_as(
            "SELECT name, description, grants, builtin FROM roles WHERE tenant = $1 ORDER BY name",
        )
        .bind(tenant.to_string())
        .fetch_all(pool)
        .await)?;
        let role = |row: RoleRow| {
            let at = Place {
                table: "roles",
                row: &row.name,
            };
            Ok(Role {
                name: at.parse("name", &row.name)?,
                grants: at.list("grants", &row.grants)?,
                description: row.description,
                builtin: row.builtin,
            })
        };
        rows.into_iter().map(role).collect()
    }

    /// The signing keys of a tenant, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn signing_keys(
        &self,
        tenant: TenantId,
    ) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let rows: Vec<SigningKeyRow> = reading!(self, pool => sqlx::query_as(
            "SELECT tenant, kid, algorithm, public_jwk, sealed_private, active_at, retired_at, \
             created_at FROM signing_keys WHERE tenant = $1 ORDER BY created_at, kid",
        )
        .bind(tenant.to_string())
        .fetch_all(pool)
        .await)?;
        rows.into_iter().map(SigningKeyRow::record).collect()
    }

    /// The signing keys of every tenant, for the common JWKS.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn all_signing_keys(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        let rows: Vec<SigningKeyRow> = reading!(self, pool => sqlx::query_as(
            "SELECT tenant, kid, algorithm, public_jwk, sealed_private, active_at, retired_at, \
             created_at FROM signing_keys ORDER BY tenant, created_at, kid",
        )
        .fetch_all(pool)
        .await)?;
        rows.into_iter().map(SigningKeyRow::record).collect()
    }
}
