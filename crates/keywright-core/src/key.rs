//! A key and its state machine: every way in which a key may change, or the reason why it may not.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use crate::id::{KeyId, TenantId, UserId};
use crate::limit::Limits;
use crate::plan::PlanName;
use crate::restriction::{AddressRules, Restrictions};
use crate::role::RoleName;
use crate::scope::Grant;
use crate::tenant::EnvironmentName;
use crate::time::{DAY_MS, Timestamp};

/// A key as it is managed: everything but its secret, of which only digests exist, apart from this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Identifier.
    pub id: KeyId,
    /// The tenant that it belongs to.
    pub tenant: TenantId,
    /// The first key of its line; rotation keeps it.
    pub lineage: KeyId,
    /// How it is printed.
    pub format: Format,
    /// What it is for, coarsely.
    pub kind: Kind,
    /// What it is for, finely.
    pub purpose: Option<Purpose>,
    /// The masked form for display.
    pub hint: String,
    /// Where it works.
    pub environment: EnvironmentName,
    /// The user that it belongs to; `None` for keys made by a system key for nobody.
    pub owner: Option<UserId>,
    /// What its holder may change.
    pub attributes: Attributes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` = never.
    pub expires_at: Option<Timestamp>,
    /// Whether it works.
    pub state: State,
    /// Counts changes, for `ETag` and lost-update checks.
    pub version: u64,
}

/// What an update may change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Name for people.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Scopes and wildcards granted directly.
    pub scopes: Vec<Grant>,
    /// Roles, by name.
    pub roles: Vec<RoleName>,
    /// Labels.
    pub tags: Vec<String>,
    /// A JSON object as text.
    pub metadata: Option<String>,
    /// The end customer in the operator's own system.
    pub external_id: Option<String>,
    /// From where it may be used.
    pub addresses: AddressRules,
    /// What else restricts it; `None` = nothing.
    pub restrictions: Option<Box<Restrictions>>,
    /// When it begins to work.
    pub not_before: Option<Timestamp>,
    /// Limits of its own, over those of its plan.
    pub limits: Limits,
    /// The plan whose limits it has.
    pub plan: Option<PlanName>,
}

/// How a key is printed (requirement A1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `{prefix}_{env}_{random}{checksum}`.
    Opaque,
    /// A JSON Web Token.
    Jwt,
    /// A public key and a secret.
    Pair,
    /// A value that an administrator supplied.
    Custom,
}

/// What a key is for, coarsely (requirement A5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A program.
    Application,
    /// A person.
    User,
    /// Keywright itself.
    System,
}

named!(Format { Opaque = "opaque", Jwt = "jwt", Pair = "pair", Custom = "custom" });
named!(Kind { Application = "application", User = "user", System = "system" });

/// What a key is for, finely (requirement A5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Application: a back end.
    Service,
    /// Application: a web page.
    Web,
    /// Application: a mobile app.
    Mobile,
    /// Application: somebody else's service.
    ThirdParty,
    /// Application: one service of many.
    Microservice,
    /// User: a person's own use.
    Personal,
    /// User: trying things out.
    Development,
    /// User: scripts and pipelines.
    Automation,
    /// User: must end soon.
    Temporary,
    /// User: looks, never touches.
    ReadOnly,
    /// System: administration.
    Admin,
    /// System: metrics.
    Monitoring,
    /// System: backups.
    Backup,
    /// System: other systems.
    Integration,
    /// System: when all else fails.
    Emergency,
}

named!(Purpose {
    Service = "service",
    Web = "web",
    Mobile = "mobile",
    ThirdParty = "third_party",
    Microservice = "microservice",
    Personal = "personal",
    Development = "development",
    Automation = "automation",
    Temporary = "temporary",
    ReadOnly = "read_only",
    Admin = "admin",
    Monitoring = "monitoring",
    Backup = "backup",
    Integration = "integration",
    Emergency = "emergency",
});

impl Purpose {
    /// Whether keys of this purpose are given to everybody with the page or app that they stand in,
    /// so that nothing is lost when they are seen.
    #[must_use]
    pub const fn is_publishable(self) -> bool {
        matches!(self, Self::Web | Self::Mobile)
    }

    /// The kind that has this purpose.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Service | Self::Web | Self::Mobile | Self::ThirdParty | Self::Microservice => {
                Kind::Application
            }
            Self::Personal
            | Self::Development
            | Self::Automation
            | Self::Temporary
            | Self::ReadOnly => Kind::User,
            Self::Admin | Self::Monitoring | Self::Backup | Self::Integration | Self::Emergency => {
                Kind::System
            }
        }
    }
}

/// Whether a key works. Revocation is the end: no change leads out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It works, within its life and rules.
    Active,
    /// Switched off for now.
    Disabled {
        /// Since when.
        at: Timestamp,
    },
    /// Ended for good; the record stays for the audit.
    Revoked {
        /// Since when.
        at: Timestamp,
        /// Why, in the words of whoever did it.
        reason: Option<String>,
    },
}

/// What is shown of a key's state and life at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// It works.
    Active,
    /// Switched off for now.
    Disabled,
    /// Ended for good.
    Revoked,
    /// Its life is over.
    Expired,
    /// Its life has not begun.
    Pending,
}

named!(Status {
    Active = "active",
    Disabled = "disabled",
    Revoked = "revoked",
    Expired = "expired",
    Pending = "pending",
});

/// A change that a key's state does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TransitionError {
    /// Revoked keys do not change.
    #[error("the key is revoked, which is permanent; create a new key")]
    Revoked,
    /// It is so already.
    #[error("the key is {0} already")]
    Already(&'static str),
    /// Deleting a key in use needs a confirmation (requirement B5).
    #[error("the key was used in the last 24 hours; repeat with `confirm=true` to delete it")]
    RecentlyUsed,
}

/// A change of a key: the operation, and the key after it. The key's version says what it was
/// decided on, so that the store refuses it if the key has moved on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// What was done.
    pub operation: KeyOperation,
    /// The key before; `None` when it is new.
    pub before: Option<Box<Key>>,
    /// The key after; `None` when it is gone.
    pub after: Option<Box<Key>>,
}

/// What may be done to a key. The names are those of the API's operations and of audit events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOperation {
    /// Made.
    Create,
    /// Attributes changed.
    Update,
    /// Switched off.
    Disable,
    /// Switched on again.
    Enable,
    /// Ended for good.
    Revoke,
    /// Removed; a tombstone stays in the audit trail.
    Delete,
}

named!(KeyOperation {
    Create = "create_key",
    Update = "update_key",
    Disable = "disable_key",
    Enable = "enable_key",
    Revoke = "revoke_key",
    Delete = "delete_key",
});

/// A key that was used within this span is "in use" (requirement B5).
const RECENT_USE_MS: i64 = DAY_MS;

impl Key {
    /// A new key's first change.
    #[must_use]
    pub fn create(self) -> KeyChange {
        KeyChange {
            operation: KeyOperation::Create,
            before: None,
            after: Some(Box::new(Self { version: 1, ..self })),
        }
    }

    /// Other attributes and another end of life. Whether the tenant allows them is checked before.
    ///
    /// # Errors
    /// [`TransitionError::Revoked`].
    pub fn update(
        &self,
        attributes: Attributes,
        expires_at: Option<Timestamp>,
    ) -> Result<KeyChange, TransitionError> {
        self.unless_revoked()?;
        Ok(self.changed(KeyOperation::Update, |key| {
            key.attributes = attributes;
            key.expires_at = expires_at;
        }))
    }

    /// Switches the key off.
    ///
    /// # Errors
    /// When it is revoked, or off already.
    pub fn disable(&self, now: Timestamp) -> Result<KeyChange, TransitionError> {
        match self.state {
            State::Revoked { .. } => Err(TransitionError::Revoked),
            State::Disabled { .. } => Err(TransitionError::Already("disabled")),
            State::Active => Ok(self.changed(KeyOperation::Disable, |key| {
                key.state = State::Disabled { at: now };
            })),
        }
    }

    /// Switches the key on again.
    ///
    /// # Errors
    /// When it is revoked, or on already.
    pub fn enable(&self) -> Result<KeyChange, TransitionError> {
        match self.state {
            State::Revoked { .. } => Err(TransitionError::Revoked),
            State::Active => Err(TransitionError::Already("active")),
            State::Disabled { .. } => Ok(self.changed(KeyOperation::Enable, |key| {
                key.state = State::Active;
            })),
        }
    }

    /// Ends the key for good.
    ///
    /// # Errors
    /// [`TransitionError::Already`] when it is revoked: exactly one caller wins.
    pub fn revoke(
        &self,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<KeyChange, TransitionError> {
        if matches!(self.state, State::Revoked { .. }) {
            return Err(TransitionError::Already("revoked"));
        }
        Ok(self.changed(KeyOperation::Revoke, |key| {
            key.state = State::Revoked { at: now, reason };
        }))
    }

    /// Removes the key. A key that was used in the last 24 hours needs `confirmed`.
    ///
    /// # Errors
    /// [`TransitionError::RecentlyUsed`].
    pub fn delete(
        &self,
        last_used_at: Option<Timestamp>,
        confirmed: bool,
        now: Timestamp,
    ) -> Result<KeyChange, TransitionError> {
        let recent = last_used_at.is_some_and(|used| now < used.plus_milliseconds(RECENT_USE_MS));
        if recent && !confirmed {
            return Err(TransitionError::RecentlyUsed);
        }
        Ok(KeyChange {
            operation: KeyOperation::Delete,
            before: Some(Box::new(self.clone())),
            after: None,
        })
    }

    /// What is shown of the key at `now`. Revocation outranks expiry, and both outrank the switch.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Status {
        status(
            &self.state,
            self.attributes.not_before,
            self.expires_at,
            now,
        )
    }

    fn unless_revoked(&self) -> Result<(), TransitionError> {
        match self.state {
            State::Revoked { .. } => Err(TransitionError::Revoked),
            State::Active | State::Disabled { .. } => Ok(()),
        }
    }

    fn changed(&self, operation: KeyOperation, edit: impl FnOnce(&mut Self)) -> KeyChange {
        let mut after = self.clone();
        edit(&mut after);
        after.version = self.version.saturating_add(1);
        KeyChange {
            operation,
            before: Some(Box::new(self.clone())),
            after: Some(Box::new(after)),
        }
    }
}

/// The one rule of a key's life, for lists and for checks: at the second of `expires_at` the key
/// no longer works, and at the second of `not_before` it does.
#[must_use]
pub fn status(
    state: &State,
    not_before: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Status {
    if matches!(state, State::Revoked { .. }) {
        Status::Revoked
    } else if expires_at.is_some_and(|end| now >= end) {
        Status::Expired
    } else if not_before.is_some_and(|begin| now < begin) {
        Status::Pending
    } else if matches!(state, State::Disabled { .. }) {
        Status::Disabled
    } else {
        Status::Active
    }
}

#[cfg(test)]
mod tests;
