//! Every change that Keywright can make, as a value, and who made it.
//!
//! The store applies a [`Change`] in one transaction with its audit leaf and its change-feed row.
//! Nothing is written without an [`Actor`].

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::id::{KeyId, TenantId, UserId};
use crate::key::KeyChange;
use crate::plan::Plan;
use crate::role::Role;
use crate::scope::CatalogueEntry;
use crate::tenant::Tenant;
use crate::time::Timestamp;
use crate::token::digest::{Digest, PepperId};
use crate::token::jwt::SigningAlgorithm;
use crate::user::{Invitation, Membership, PasswordHash, Session, User};

/// Who made a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub who: Who,
    /// Address and program of the caller, sealed under the person's key (trust S23); opaque here.
    pub origin: Option<Vec<u8>>,
    /// The request that carried the change.
    pub request_id: Option<String>,
}

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// A signed-in user.
    User(UserId),
    /// A system key.
    Key(KeyId),
    /// Whoever runs the server: the command line on its host, or the first start.
    Operator,
    /// Nobody known: a sign-in that failed, an invitation being accepted.
    Anonymous,
}

impl Who {
    /// As it stands in the audit trail.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::User(id) => id.to_string(),
            Self::Key(id) => id.to_string(),
            Self::Operator => "operator".into(),
            Self::Anonymous => "anonymous".into(),
        }
    }
}

impl Actor {
    /// The operator, as at the first start.
    #[must_use]
    pub const fn operator() -> Self {
        Self {
            who: Who::Operator,
            origin: None,
            request_id: None,
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A key; `credentials` are its digests when it is new.
    Key {
        /// What happened to it.
        change: KeyChange,
        /// Its digests, when it is new.
        credentials: Option<Credentials>,
    },
    /// A tenant made or changed.
    Tenant(Edit<Tenant>),
    /// An entry of a tenant's scope catalogue.
    Scope(TenantId, Edit<CatalogueEntry>),
    /// A role of a tenant.
    Role(TenantId, Edit<Role>),
    /// A plan of a tenant.
    Plan(TenantId, Edit<Plan>),
    /// A user; with a new password verifier when that was set.
    User(Edit<User>, Option<PasswordHash>),
    /// A user's role in a tenant.
    Membership(Edit<Membership>),
    /// A sign-in, its renewal or its end; with new token digests.
    Session(SessionOperation, Box<Session>, Option<SessionTokens>),
    /// An invitation made, accepted or withdrawn; with its token's digest when it is new.
    Invitation(InvitationOperation, Box<Invitation>, Option<Digest>),
    /// A new pair's secret, sealed, so that requests signed with it can be checked.
    RequestSigning(SealedSecret),
    /// A tenant's JWT signing key.
    SigningKey(Edit<SigningKeyRecord>),
    /// Something worth a record that changes no other row.
    Event(Event),
}

/// A thing before and after. At least one of the two is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit<T> {
    /// Made.
    Create(Box<T>),
    /// Changed.
    Update {
        /// As it was.
        before: Box<T>,
        /// As it is now.
        after: Box<T>,
    },
    /// Removed.
    Delete(Box<T>),
}

impl<T> Edit<T> {
    /// The thing before, if it was there.
    pub fn before(&self) -> Option<&T> {
        match self {
            Self::Create(_) => None,
            Self::Update { before, .. } | Self::Delete(before) => Some(before),
        }
    }

    /// The thing after, if it is there.
    pub fn after(&self) -> Option<&T> {
        match self {
            Self::Create(after) | Self::Update { after, .. } => Some(after),
            Self::Delete(_) => None,
        }
    }

    /// The thing, after the change if it is still there.
    pub fn subject(&self) -> &T {
        match self {
            Self::Create(it) | Self::Delete(it) | Self::Update { after: it, .. } => it,
        }
    }

    /// A new thing.
    pub fn create(it: T) -> Self {
        Self::Create(Box::new(it))
    }

    /// A changed thing.
    pub fn update(before: T, after: T) -> Self {
        Self::Update {
            before: Box::new(before),
            after: Box::new(after),
        }
    }

    /// A removed thing.
    pub fn delete(it: T) -> Self {
        Self::Delete(Box::new(it))
    }

    const fn verb<'a>(&self, create: &'a str, update: &'a str, delete: &'a str) -> &'a str {
        match self {
            Self::Create(_) => create,
            Self::Update { .. } => update,
            Self::Delete(_) => delete,
        }
    }
}

/// By which a presented key is found and proven. Never the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The pepper of both digests.
    pub pepper: PepperId,
    /// The digest of the presented key (of a pair: of its public part).
    pub lookup: Digest,
    /// Of a pair: the digest of its secret.
    pub secret: Option<Digest>,
}

/// The digests of a session's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTokens {
    /// Of the access token or the cookie.
    pub access: Digest,
    /// Of the refresh token.
    pub refresh: Option<Digest>,
    /// At a renewal: of the refresh token (without one, of the cookie) that these tokens replace.
    /// Only one renewal can replace a token (trust V7).
    pub replaces: Option<Digest>,
}

/// What happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionOperation {
    /// Somebody signed in.
    SignIn,
    /// Its tokens were renewed.
    Renew,
    /// It was ended: signed out, or by an administrator.
    End,
}

/// What happened to an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationOperation {
    /// Made.
    Create,
    /// Accepted; it works no more.
    Accept,
    /// Withdrawn.
    Withdraw,
}

/// A tenant's JWT signing key as stored: the private part is sealed, and opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// The tenant.
    pub tenant: TenantId,
    /// The algorithm.
    pub algorithm: SigningAlgorithm,
    /// The public key, a JWK as JSON text.
    pub public_jwk: String,
    /// The sealed private key (PKCS#8).
    pub sealed_private: Vec<u8>,
    /// From when it may sign: verifiers must have seen it before (trust P18).
    pub active_at: Timestamp,
    /// From when it signs no more; it is published as long as it is stored.
    pub retired_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// The sealed secret of a pair whose requests are signed. Opaque here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// The key's tenant.
    pub tenant: TenantId,
    /// The key.
    pub key: KeyId,
    /// The sealed secret.
    pub sealed: Vec<u8>,
}

/// Something worth a record that changes no other row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened, such as `export_audit`, `sign_in_failed`, `rotate_pepper`.
    pub action: &'static str,
    /// In which tenant.
    pub tenant: Option<TenantId>,
    /// About what, such as an identifier; never personal data.
    pub target: Option<String>,
    /// Whether it succeeded.
    pub success: bool,
}

impl Change {
    /// The audit action; the same name as the API's operation where there is one.
    #[must_use]
    pub fn action(&self) -> &'static str {
        match self {
            Self::Key { change, .. } => change.operation.as_str(),
            Self::Tenant(edit) => edit.verb("create_tenant", "update_tenant", "delete_tenant"),
            Self::Scope(_, edit) => edit.verb("create_scope", "update_scope", "delete_scope"),
            Self::Role(_, edit) => edit.verb("create_role", "update_role", "delete_role"),
            Self::Plan(_, edit) => edit.verb("create_plan", "update_plan", "delete_plan"),
            Self::User(edit, _) => edit.verb("create_user", "update_user", "delete_user"),
            Self::Membership(edit) => edit.verb("add_member", "update_member", "remove_member"),
            Self::Session(operation, ..) => match operation {
                SessionOperation::SignIn => "sign_in",
                SessionOperation::Renew => "renew_session",
                SessionOperation::End => "end_session",
            },
            Self::Invitation(operation, ..) => match operation {
                InvitationOperation::Create => "create_invitation",
                InvitationOperation::Accept => "accept_invitation",
                InvitationOperation::Withdraw => "withdraw_invitation",
            },
            Self::RequestSigning(_) => "enable_request_signing",
            Self::SigningKey(edit) => edit.verb(
                "create_signing_key",
                "update_signing_key",
                "delete_signing_key",
            ),
            Self::Event(event) => event.action,
        }
    }

    /// Whether the change is a new key, of which no node can remember anything wrong that lets a
    /// check pass.
    #[must_use]
    pub const fn is_new_key(&self) -> bool {
        matches!(self, Self::Key { change, .. } if change.before.is_none())
    }

    /// The tenant whose audit trail shows the change; `None` = the installation's.
    #[must_use]
    pub fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Key { change, .. } => change
                .after
                .as_ref()
                .or(change.before.as_ref())
                .map(|key| key.tenant),
            Self::Tenant(edit) => Some(edit.subject().id),
            Self::Scope(tenant, _) | Self::Role(tenant, _) | Self::Plan(tenant, _) => Some(*tenant),
            Self::User(..) | Self::Session(..) => None,
            Self::Membership(edit) => Some(edit.subject().tenant),
            Self::Invitation(_, invitation, _) => invitation.tenant,
            Self::RequestSigning(it) => Some(it.tenant),
            Self::SigningKey(edit) => Some(edit.subject().tenant),
            Self::Event(event) => event.tenant,
        }
    }

    /// What the change is about, as it stands in the audit trail. No personal data.
    #[must_use]
    pub fn target(&self) -> Option<String> {
        match self {
            Self::Key { change, .. } => change
                .after
                .as_ref()
                .or(change.before.as_ref())
                .map(|key| key.id.to_string()),
            Self::Tenant(edit) => Some(edit.subject().id.to_string()),
            Self::Scope(_, edit) => Some(edit.subject().scope.to_string()),
            Self::Role(_, edit) => Some(edit.subject().name.to_string()),
            Self::Plan(_, edit) => Some(edit.subject().name.to_string()),
            Self::User(edit, _) => Some(edit.subject().id.to_string()),
            Self::Membership(edit) => Some(edit.subject().user.to_string()),
            Self::Session(_, session, _) => Some(session.id.to_string()),
            Self::Invitation(_, invitation, _) => Some(invitation.id.to_string()),
            Self::RequestSigning(it) => Some(it.key.to_string()),
            Self::SigningKey(edit) => Some(edit.subject().kid.clone()),
            Self::Event(event) => event.target.clone(),
        }
    }
}
