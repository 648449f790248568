//! People: users, their roles in tenants, their sessions and invitations.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::id::{InvitationId, SessionId, TenantId, UserId};
use crate::limits::EMAIL_BYTES_MAX;
use crate::time::Timestamp;

/// A person who may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identifier.
    pub id: UserId,
    /// E-mail address, normalised by [`normalise_email`]; unique.
    pub email: String,
    /// Name for people.
    pub name: Option<String>,
    /// Sees and manages every tenant.
    pub platform_admin: bool,
    /// Switched off: neither the user nor the user's keys work.
    pub disabled_at: Option<Timestamp>,
    /// When the user was made.
    pub created_at: Timestamp,
    /// Counts changes.
    pub version: u64,
}

/// What a user is in one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: UserId,
    /// The role there.
    pub role: TenantRole,
}

/// A user's role in a tenant (requirement B10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TenantRole {
    /// Manages own keys.
    Member,
    /// Reads everything, changes nothing.
    Auditor,
    /// A member who also sees every key and decides requests.
    Approver,
    /// Manages keys, users and settings.
    Admin,
    /// An admin who also manages owners.
    Owner,
}

impl TenantRole {
    /// Every role.
    pub const ALL: [Self; 5] = [
        Self::Owner,
        Self::Admin,
        Self::Approver,
        Self::Auditor,
        Self::Member,
    ];

    /// The name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Auditor => "auditor",
            Self::Approver => "approver",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A signed-in session: an access and a refresh token, or a browser's cookie. The tokens are kept
/// as digests, apart from this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Identifier.
    pub id: SessionId,
    /// Who is signed in.
    pub user: UserId,
    /// How the session is carried.
    pub carrier: Carrier,
    /// When it began.
    pub created_at: Timestamp,
    /// When its tokens were last renewed.
    pub renewed_at: Timestamp,
    /// When the access token (or the idle cookie) stops working.
    pub access_expires_at: Timestamp,
    /// When the session ends, whatever happens.
    pub expires_at: Timestamp,
    /// Where it was begun, sealed under the user's key (trust S23); opaque here.
    pub origin: Option<Vec<u8>>,
}

/// How a session is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer` with an access token, renewed by a refresh token.
    Bearer,
    /// A cookie.
    Cookie,
}

impl Carrier {
    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookie => "cookie",
        }
    }
}

/// An invitation to a tenant (or, without one, the set-up link of a new installation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Identifier.
    pub id: InvitationId,
    /// Where to; `None` makes a platform admin.
    pub tenant: Option<TenantId>,
    /// To whom; `None` lets whoever opens the set-up link choose.
    pub email: Option<String>,
    /// The role there.
    pub role: TenantRole,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A stored password verifier. It is never shown, and never taken from outside.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps what `keywright-seal` made.
    #[must_use]
    pub const fn new(stored: String) -> Self {
        Self(stored)
    }

    /// The stored text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(..)")
    }
}

/// The form in which an e-mail address is stored and compared: trimmed, ASCII lower case. `None`
/// when it cannot be an address. Deliverability is for the mail server to find out.
#[must_use]
pub fn normalise_email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let printable = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    let domain_ok = !domain.is_empty()
        && !domain.contains("..")
        && !domain.starts_with(['.', '-'])
        && !domain.ends_with(['.', '-'])
        && domain
            .chars()
            .all(|c| c.is_alphanumeric() || c == '.' || c == '-');
    (printable && domain_ok && !local.is_empty() && !local.contains('@'))
        .then(|| text.to_lowercase())
        .filter(|email| email.len() <= EMAIL_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_lower_case() {
        assert_eq!(
            normalise_email(" Ada@Example.COM ").as_deref(),
            Some("ada@example.com")
        );
        for bad in [
            "", "a", "@b", "a@", "a@b@c", "a b@c", "a@b..c", "a@-b", "a@b\n", "a\0@b",
        ] {
            let found = normalise_email(bad);
            assert!(found.is_none() || bad == "a@b\n", "{bad:?} {found:?}");
        }
    }

    #[test]
    fn every_role_has_a_name_of_its_own() {
        for role in TenantRole::ALL {
            assert_eq!(TenantRole::from_name(role.as_str()), Some(role));
        }
        assert_eq!(TenantRole::from_name("root"), None);
    }
}
