//! The row of a key: how a [`Key`] is written, and read back.

use std::net::IpAddr;

use keywright_core::change::Credentials;
use keywright_core::key::{Attributes, Format, Key, Kind, Purpose, State};
use keywright_core::plan::PlanName;
use keywright_core::restriction::{AddressRules, Cidr};
use keywright_core::time::Timestamp;
use keywright_core::token::digest::PepperId;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::decode::{self, Place};
use crate::error::StoreError;
use crate::keys::KeyRecord;
use crate::restrictions;

/// "Never" of `expires_at`, so that what never ends sorts last.
pub(crate) const NEVER: i64 = i64::MAX;
/// "Always" of `not_before`.
pub(crate) const ALWAYS: i64 = i64::MIN;

/// The columns that [`KeyRow`] reads.
macro_rules! key_columns {
    () => {
        "k.id, k.tenant, k.lineage, k.format, k.kind, k.purpose, k.name, k.description, k.hint, \
         k.environment, k.owner, k.external_id, k.state, k.state_at, k.revoke_reason, k.created_at, \
         k.expires_at, k.not_before, k.scopes, k.roles, k.tags, k.addresses, k.metadata, k.pepper_id, \
         k.lookup_digest, k.secret_digest, k.version, k.limits, k.plan, k.restrictions"
    };
}
pub(crate) use key_columns;

#[derive(FromRow)]
pub(crate) struct KeyRow {
    id: String,
    tenant: String,
    lineage: String,
    format: String,
    kind: String,
    purpose: Option<String>,
    name: Option<String>,
    description: Option<String>,
    hint: String,
    environment: String,
    owner: Option<String>,
    external_id: Option<String>,
    state: String,
    state_at: Option<i64>,
    revoke_reason: Option<String>,
    created_at: i64,
    expires_at: i64,
    not_before: i64,
    scopes: String,
    roles: String,
    tags: String,
    addresses: String,
    metadata: Option<String>,
    pepper_id: i64,
    lookup_digest: Vec<u8>,
    secret_digest: Option<Vec<u8>>,
    version: i64,
    limits: String,
    plan: Option<String>,
    restrictions: Option<String>,
}

/// A key with what stands beside it in a list.
#[derive(FromRow)]
pub(crate) struct ListedRow {
    #[sqlx(flatten)]
    key: KeyRow,
    owner_email: Option<String>,
    last_used_at: Option<i64>,
    last_address: Option<String>,
}

/// Lists of addresses as JSON.
#[derive(Default, Serialize, Deserialize)]
struct AddressLists {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allow: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    deny: Vec<String>,
}

impl ListedRow {
    pub(crate) fn record(self) -> Result<KeyRecord, StoreError> {
        let id = self.key.id.clone();
        let at = Place {
            table: "key_usage",
            row: &id,
        };
        Ok(KeyRecord {
            key: self.key.key()?,
            owner_email: self.owner_email,
            // 0 = never used.
            last_used_at: decode::moment(self.last_used_at.filter(|moment| *moment > 0)),
            last_address: at
                .parse_optional::<IpAddr>("last_address", self.last_address.as_deref())?,
        })
    }
}

impl KeyRow {
    pub(crate) fn credentials(&self) -> Result<Credentials, StoreError> {
        let at = Place {
            table: "keys",
            row: &self.id,
        };
        let pepper = u32::try_from(self.pepper_id).map_err(|_| at.inconsistent("pepper_id"))?;
        let secret = self.secret_digest.as_deref();
        Ok(Credentials {
            pepper: PepperId(pepper),
            lookup: at.digest("lookup_digest", &self.lookup_digest)?,
            secret: secret
                .map(|bytes| at.digest("secret_digest", bytes))
                .transpose()?,
        })
    }

    pub(crate) fn key(self) -> Result<Key, StoreError> {
        let at = Place {
            table: "keys",
            row: &self.id,
        };
        let purpose = self
            .purpose
            .as_deref()
            .map(|name| at.named("purpose", Purpose::from_name(name)));
        Ok(Key {
            id: at.parse("id", &self.id)?,
            tenant: at.parse("tenant", &self.tenant)?,
            lineage: at.parse("lineage", &self.lineage)?,
            format: at.named("format", Format::from_name(&self.format))?,
            kind: at.named("kind", Kind::from_name(&self.kind))?,
            purpose: purpose.transpose()?,
            environment: at.parse("environment", &self.environment)?,
            owner: at.parse_optional("owner", self.owner.as_deref())?,
            attributes: Attributes {
                scopes: at.list("scopes", &self.scopes)?,
                roles: at.list("roles", &self.roles)?,
                tags: at.json("tags", &self.tags)?,
                addresses: addresses(at, &self.addresses)?,
                limits: at.parse("limits", &self.limits)?,
                plan: at.parse_optional("plan", self.plan.as_deref())?,
                restrictions: restrictions::read(at, self.restrictions.as_deref())?,
                not_before: decode::moment(Some(self.not_before).filter(|at| *at != ALWAYS)),
                name: self.name,
                description: self.description,
                metadata: self.metadata,
                external_id: self.external_id,
            },
            created_at: Timestamp::from_milliseconds(self.created_at),
            expires_at: decode::moment(Some(self.expires_at).filter(|at| *at != NEVER)),
            state: state(at, &self.state, self.state_at, self.revoke_reason)?,
            version: at.count("version", self.version)?,
            hint: self.hint,
        })
    }
}

fn state(
    place: Place<'_>,
    name: &str,
    at: Option<i64>,
    reason: Option<String>,
) -> Result<State, StoreError> {
    match (name, decode::moment(at)) {
        ("active", _) => Ok(State::Active),
        ("disabled", Some(at)) => Ok(State::Disabled { at }),
        ("revoked", Some(at)) => Ok(State::Revoked { at, reason }),
        _ => Err(place.inconsistent("state")),
    }
}

fn addresses(place: Place<'_>, text: &str) -> Result<AddressRules, StoreError> {
    let lists: AddressLists = place.json("addresses", text)?;
    // Whether a network of all addresses is meant was asked when the key was made.
    let network = |text: &String| place.named("addresses", Cidr::parse(text, true).ok());
    Ok(AddressRules {
        allow: lists.allow.iter().map(network).collect::<Result<_, _>>()?,
        deny: lists.deny.iter().map(network).collect::<Result<_, _>>()?,
    })
}

/// What an insert and an update write, in the order of [`STORED_COLUMNS`].
pub(crate) struct Stored<'a> {
    pub(crate) key: &'a Key,
    pub(crate) state: &'static str,
    pub(crate) state_at: Option<i64>,
    pub(crate) revoke_reason: Option<&'a str>,
    pub(crate) expires_at: i64,
    pub(crate) not_before: i64,
    pub(crate) scopes: String,
    pub(crate) roles: String,
    pub(crate) tags: String,
    pub(crate) addresses: String,
    pub(crate) limits: String,
    pub(crate) plan: Option<&'a str>,
    pub(crate) folded_name: String,
    pub(crate) searched: String,
    pub(crate) restrictions: Option<String>,
}

impl<'a> Stored<'a> {
    pub(crate) fn new(key: &'a Key) -> Result<Self, StoreError> {
        let attributes = &key.attributes;
        let (state, state_at, revoke_reason) = match &key.state {
            State::Active => ("active", None, None),
            State::Disabled { at } => ("disabled", Some(at.milliseconds()), None),
            State::Revoked { at, reason } => {
                ("revoked", Some(at.milliseconds()), reason.as_deref())
            }
        };
        let lists = AddressLists {
            allow: attributes
                .addresses
                .allow
                .iter()
                .map(ToString::to_string)
                .collect(),
            deny: attributes
                .addresses
                .deny
                .iter()
                .map(ToString::to_string)
                .collect(),
        };
        Ok(Self {
            key,
            state,
            state_at,
            revoke_reason,
            expires_at: decode::milliseconds(key.expires_at).unwrap_or(NEVER),
            not_before: decode::milliseconds(attributes.not_before).unwrap_or(ALWAYS),
            scopes: decode::list(&attributes.scopes)?,
            roles: decode::list(&attributes.roles)?,
            tags: decode::json(&attributes.tags)?,
            addresses: decode::json(&lists)?,
            limits: attributes.limits.to_string(),
            plan: attributes.plan.as_ref().map(PlanName::as_str),
            folded_name: attributes
                .name
                .as_deref()
                .unwrap_or_default()
                .to_lowercase(),
            searched: searched(key),
            restrictions: restrictions::write(attributes.restrictions.as_deref())?,
        })
    }
}

/// What a search looks at: name, end customer, tags and hint, in lower case, one in a line.
fn searched(key: &Key) -> String {
    let attributes = &key.attributes;
    let mut text = attributes.name.clone().unwrap_or_default();
    let tags = attributes.tags.iter().map(String::as_str);
    for part in attributes
        .external_id
        .as_deref()
        .into_iter()
        .chain(tags)
        .chain([key.hint.as_str()])
    {
        text.push('\n');
        text.push_str(part);
    }
    text.to_lowercase()
}
