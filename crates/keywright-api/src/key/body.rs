//! A key as it is shown. Its secret is in [`CreatedKey`] alone, which is answered once.

use std::net::IpAddr;

use keywright_core::key::{Key, State};
use keywright_core::secret::Secret;
use keywright_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::restrictions::RestrictionsBody;
use crate::limit::LimitsBody;
use crate::names::{KeyFormat, KeyKind, KeyPurpose, KeyStatus};
use crate::text;

/// A key, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Key)]
pub struct KeyBody {
    /// Identifier.
    #[schema(example = "key-550e8400-e29b-41d4-a716-446655440000")]
    pub id: String,
    /// Name for people.
    #[schema(example = "CI/CD Pipeline Key")]
    pub name: Option<String>,
    /// All the rest.
    #[serde(flatten)]
    pub details: KeyDetails,
}

/// A new key with its secret. No other answer ever shows it, so there is no way to copy this.
#[derive(Serialize, ToSchema)]
pub struct CreatedKey {
    /// Identifier.
    #[schema(example = "key-550e8400-e29b-41d4-a716-446655440000")]
    pub id: String,
    /// Name for people.
    #[schema(example = "CI/CD Pipeline Key")]
    pub name: Option<String>,
    /// The key itself. Save it: it is not shown again, not even to a repeated `Idempotency-Key`.
    #[schema(value_type = String, required = false)]
    #[serde(serialize_with = "text::disclose")]
    pub api_key: Secret,
    /// All the rest.
    #[serde(flatten)]
    pub details: KeyDetails,
    /// The secret of a pair. Save it: it is not shown again.
    #[schema(value_type = Option<String>)]
    #[serde(
        serialize_with = "text::disclose_some",
        skip_serializing_if = "Option::is_none"
    )]
    pub api_secret: Option<Secret>,
}

/// What is shown of a key besides identifier and name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyDetails {
    /// Scopes granted directly.
    #[schema(example = json!(["api:read", "api:write", "deploy:production"]))]
    pub scopes: Vec<String>,
    /// Unix seconds.
    #[schema(example = 1705416000)]
    pub created_at: i64,
    /// Unix seconds; `null` = never.
    #[schema(example = 1713192000)]
    pub expires_at: Option<i64>,
    /// Unix seconds; `null` = not yet.
    pub last_used: Option<i64>,
    /// Whether it was ended for good.
    pub revoked: bool,
    /// Whether it works at this moment, but for `paused_until` and where and by whom it is used.
    #[schema(value_type = KeyStatus)]
    pub status: &'static str,
    /// The masked key, to recognise it by.
    #[schema(example = "kw_live_\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}a1B2")]
    pub hint: String,
    /// What it is for, coarsely.
    #[schema(value_type = KeyKind)]
    pub kind: &'static str,
    /// What it is for, finely.
    #[schema(value_type = Option<KeyPurpose>)]
    pub purpose: Option<&'static str>,
    /// How it is printed.
    #[schema(value_type = KeyFormat)]
    pub format: &'static str,
    /// Where it works.
    #[schema(example = "production")]
    pub environment: String,
    /// What it is for, in a few sentences.
    pub description: Option<String>,
    /// Roles.
    pub roles: Vec<String>,
    /// The user that it belongs to.
    pub owner: Option<OwnerBody>,
    /// The end customer in the operator's own system.
    pub external_id: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// A JSON object of the tenant.
    #[schema(value_type = Object)]
    #[serde(serialize_with = "text::stored_object")]
    pub metadata: Option<String>,
    /// Addresses and networks that may use it; empty = all.
    pub ip_allow: Vec<String>,
    /// Addresses and networks that may not.
    pub ip_deny: Vec<String>,
    /// What the key may use, over what its plan says; absent when it sets nothing itself.
    #[serde(rename = "rateLimit", skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<LimitsBody>,
    /// The plan whose limits it has; absent when it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Its other restrictions.
    #[serde(flatten)]
    pub restrictions: RestrictionsBody,
    /// Begin of life in Unix seconds.
    pub not_before: Option<i64>,
    /// Unix seconds since when it is switched off.
    pub disabled_at: Option<i64>,
    /// Unix seconds since when it is revoked.
    pub revoked_at: Option<i64>,
    /// Why, in the words of whoever revoked it.
    pub revoke_reason: Option<String>,
    /// The address of its last use.
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    pub last_address: Option<IpAddr>,
    /// The first key of its line; rotation keeps it.
    pub lineage: String,
    /// Counts changes; the `ETag` of the key.
    pub version: u64,
}

/// Whose a key is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Owner)]
pub struct OwnerBody {
    /// Identifier of the user.
    pub id: String,
    /// The user's address; `null` when the user is gone.
    #[schema(example = "ada@example.com")]
    pub email: Option<String>,
}

/// What is shown of a key that the key does not know itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyView<'a> {
    /// The owner's address.
    pub owner_email: Option<&'a str>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// From where.
    pub last_address: Option<IpAddr>,
}

impl KeyBody {
    /// The key as it is shown at `now`.
    #[must_use]
    pub fn new(key: &Key, view: KeyView<'_>, now: Timestamp) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.attributes.name.clone(),
            details: KeyDetails::new(key, view, now),
        }
    }

    /// The same with the secrets of the new key: for the answer that creates it, and no other.
    #[must_use]
    pub fn disclosing(self, api_key: Secret, api_secret: Option<Secret>) -> CreatedKey {
        let Self { id, name, details } = self;
        CreatedKey {
            id,
            name,
            api_key,
            details,
            api_secret,
        }
    }
}

impl KeyDetails {
    fn new(key: &Key, view: KeyView<'_>, now: Timestamp) -> Self {
        let attributes = &key.attributes;
        let (disabled_at, revoked_at, revoke_reason) = match &key.state {
            State::Active => (None, None, None),
            State::Disabled { at } => (Some(*at), None, None),
            State::Revoked { at, reason } => (None, Some(*at), reason.clone()),
        };
        Self {
            scopes: printed(&attributes.scopes),
            created_at: key.created_at.seconds(),
            expires_at: key.expires_at.map(Timestamp::seconds),
            last_used: view.last_used_at.map(Timestamp::seconds),
            revoked: matches!(key.state, State::Revoked { .. }),
            status: key.status(now).as_str(),
            hint: key.hint.clone(),
            kind: key.kind.as_str(),
            purpose: key.purpose.map(|purpose| purpose.as_str()),
            format: key.format.as_str(),
            environment: key.environment.to_string(),
            description: attributes.description.clone(),
            roles: printed(&attributes.roles),
            owner: key.owner.map(|id| OwnerBody {
                id: id.to_string(),
                email: view.owner_email.map(Into::into),
            }),
            external_id: attributes.external_id.clone(),
            tags: attributes.tags.clone(),
            metadata: attributes.metadata.clone(),
            ip_allow: printed(&attributes.addresses.allow),
            ip_deny: printed(&attributes.addresses.deny),
            rate_limit: LimitsBody::new(&attributes.limits),
            plan: attributes.plan.as_ref().map(ToString::to_string),
            restrictions: RestrictionsBody::new(attributes.restrictions.as_deref()),
            not_before: attributes.not_before.map(Timestamp::seconds),
            disabled_at: disabled_at.map(Timestamp::seconds),
            revoked_at: revoked_at.map(Timestamp::seconds),
            revoke_reason,
            last_address: view.last_address,
            lineage: key.lineage.to_string(),
            version: key.version,
        }
    }
}

pub(super) fn printed<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}
