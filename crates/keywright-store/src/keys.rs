//! Keys as they are managed: one, or a page of a tenant's list.

use std::net::IpAddr;

use keywright_core::id::{KeyId, TenantId, UserId};
use keywright_core::key::{Format, Key, Kind, Status};
use keywright_core::role::RoleName;
use keywright_core::scope::Grant;
use keywright_core::tenant::EnvironmentName;
use keywright_core::time::Timestamp;

use crate::database::reading;
use crate::error::StoreError;
use crate::key_row::{ListedRow, key_columns};
use crate::store::Store;

/// A key with what stands beside it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The key.
    pub key: Key,
    /// Its owner's e-mail address, while the owner exists.
    pub owner_email: Option<String>,
    /// When it was last used, to a few seconds.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_address: Option<IpAddr>,
}

/// Which keys of a tenant are wanted: all that match every part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Found in name, external id, tags or hint, in any case. A term of one or two characters is
    /// found at the beginning of the name; one that begins like an identifier, at that of the identifier.
    pub search: Option<String>,
    /// Shown with this status at the given moment.
    pub status: Option<(Status, Timestamp)>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Working there.
    pub environment: Option<EnvironmentName>,
    /// Printed so.
    pub format: Option<Format>,
    /// With exactly this grant among its scopes.
    pub scope: Option<Grant>,
    /// With this role.
    pub role: Option<RoleName>,
    /// With this tag.
    pub tag: Option<String>,
    /// Belonging to this user.
    pub owner: Option<UserId>,
    /// Belonging to this end customer.
    pub external_id: Option<String>,
    /// Used, or not.
    pub last_used: Option<LastUsed>,
    /// Ending before this moment.
    pub expires_before: Option<Timestamp>,
    /// Ending at this moment or later; those that never end do not match.
    pub expires_after: Option<Timestamp>,
    /// Made before this moment.
    pub created_before: Option<Timestamp>,
    /// Made at this moment or later.
    pub created_after: Option<Timestamp>,
}

impl KeyFilter {
    /// Whether a part holds a NUL, which no stored text does, and which PostgreSQL does not take.
    pub(crate) fn is_of_no_text(&self) -> bool {
        [&self.search, &self.tag, &self.external_id]
            .into_iter()
            .flatten()
            .any(|text| text.contains('\0'))
    }
}

/// When a key was last used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastUsed {
    /// Not yet.
    Never,
    /// Before this moment, or never.
    Before(Timestamp),
    /// At this moment or later.
    After(Timestamp),
}

/// What a list of keys may be sorted by; the identifier tells equal ones apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeySort {
    /// When it was made.
    #[default]
    CreatedAt,
    /// The name, in any case; those without come first.
    Name,
    /// When it was last used; those never used come first.
    LastUsed,
    /// When it ends; those that never end come last.
    ExpiresAt,
}

impl Store {
    /// A key of a tenant.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn key(&self, tenant: TenantId, id: KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let row: Option<ListedRow> = reading!(self, pool => sqlx::query_as(concat!(
            "SELECT ", key_columns!(), ", o.email AS owner_email, u.last_used_at, u.last_address \
             FROM keys k LEFT JOIN key_usage u ON u.key_id = k.id LEFT JOIN users o ON o.id = k.owner \
             WHERE k.id = $1 AND k.tenant = $2",
        ))
        .bind(id.to_string())
        .bind(tenant.to_string())
        .fetch_optional(pool)
        .await)?;
        row.map(ListedRow::record).transpose()
    }
}
