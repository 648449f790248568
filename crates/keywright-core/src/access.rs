//! Who may manage what: the permissions of management calls, and how far each caller reaches.

use crate::id::UserId;
use crate::scope::{EffectiveGrants, Scope};
use crate::user::TenantRole;

/// What a management call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Ask whether a presented key may pass.
    Verify,
    /// See keys.
    ReadKeys,
    /// Create and change keys.
    WriteKeys,
    /// See users, roles and invitations.
    ReadUsers,
    /// Invite, change and remove users.
    WriteUsers,
    /// Make, change or remove an owner.
    WriteOwners,
    /// See the tenant's settings, scopes, roles and environments.
    ReadTenant,
    /// Change them.
    WriteTenant,
    /// Read and export the audit trail.
    ReadAudit,
    /// Operate the installation: tenants, secrets, every tenant's data.
    Platform,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 10] = [
        Self::Verify,
        Self::ReadKeys,
        Self::WriteKeys,
        Self::ReadUsers,
        Self::WriteUsers,
        Self::WriteOwners,
        Self::ReadTenant,
        Self::WriteTenant,
        Self::ReadAudit,
        Self::Platform,
    ];

    /// The scope that gives this permission to a system key; `None` = people only.
    #[must_use]
    pub const fn scope(self) -> Option<&'static str> {
        match self {
            Self::Verify => Some("keywright:verify"),
            Self::ReadKeys => Some("keywright:keys:read"),
            Self::WriteKeys => Some("keywright:keys:write"),
            Self::ReadUsers => Some("keywright:users:read"),
            Self::WriteUsers => Some("keywright:users:write"),
            Self::ReadTenant => Some("keywright:tenant:read"),
            Self::WriteTenant => Some("keywright:tenant:write"),
            Self::ReadAudit => Some("keywright:audit:read"),
            Self::WriteOwners | Self::Platform => None,
        }
    }
}

/// How far a caller reaches with a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
    Nothing,
    /// The things that belong to this user.
    Own(UserId),
    /// Everything in the tenant.
    All,
}

/// What a user may do in a tenant. `role` is the user's role there, if any.
#[must_use]
pub fn user_reach(
    user: UserId,
    platform_admin: bool,
    role: Option<TenantRole>,
    permission: Permission,
) -> Reach {
    if platform_admin {
        return Reach::All;
    }
    let Some(role) = role else {
        return Reach::Nothing;
    };
    match (permission, role) {
        (Permission::Platform, _) => Reach::Nothing,
        (_, TenantRole::Owner) => Reach::All,
        (Permission::WriteOwners, _) => Reach::Nothing,
        (_, TenantRole::Admin) => Reach::All,
        (Permission::ReadTenant, _) => Reach::All,
        (Permission::ReadKeys, TenantRole::Approver | TenantRole::Auditor) => Reach::All,
        (Permission::ReadUsers, TenantRole::Approver | TenantRole::Auditor) => Reach::All,
        (Permission::ReadAudit, TenantRole::Auditor) => Reach::All,
        (Permission::WriteKeys, TenantRole::Approver | TenantRole::Member) => Reach::Own(user),
        (Permission::ReadKeys, TenantRole::Member) => Reach::Own(user),
        (
            Permission::Verify
            | Permission::WriteKeys
            | Permission::ReadUsers
            | Permission::WriteUsers
            | Permission::WriteTenant
            | Permission::ReadAudit,
            TenantRole::Member | TenantRole::Approver | TenantRole::Auditor,
        ) => Reach::Nothing,
    }
}

/// What a system key may do in its own tenant.
#[must_use]
pub fn key_reach(grants: &EffectiveGrants, permission: Permission) -> Reach {
    let held = permission
        .scope()
        .and_then(|scope| scope.parse::<Scope>().ok())
        .is_some_and(|scope| grants.allows(&scope));
    if held { Reach::All } else { Reach::Nothing }
}

/// Whether a system key may do everything that a role may do to what is not its holder's own. The tenant's
/// settings, which every role sees, do not count.
#[must_use]
pub fn within(grants: &EffectiveGrants, role: TenantRole) -> bool {
    let holder = UserId::from_uuid(uuid::Uuid::nil());
    Permission::ALL
        .into_iter()
        .filter(|permission| !matches!(permission, Permission::ReadTenant))
        .filter(|permission| user_reach(holder, false, Some(role), *permission) == Reach::All)
        .all(|permission| key_reach(grants, permission) == Reach::All)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const USER: UserId = UserId::from_uuid(Uuid::nil());

    #[test]
    fn without_a_role_nobody_but_a_platform_admin_reaches_anything() {
        for permission in Permission::ALL {
            assert_eq!(user_reach(USER, false, None, permission), Reach::Nothing);
            assert_eq!(user_reach(USER, true, None, permission), Reach::All);
        }
    }

    #[test]
    fn an_auditor_never_writes_and_a_member_never_sees_others() {
        for permission in [
            Permission::WriteKeys,
            Permission::WriteUsers,
            Permission::WriteOwners,
            Permission::WriteTenant,
            Permission::Platform,
        ] {
            let reach = user_reach(USER, false, Some(TenantRole::Auditor), permission);
            assert_eq!(reach, Reach::Nothing, "{permission:?}");
        }
        for permission in [Permission::ReadKeys, Permission::WriteKeys] {
            let reach = user_reach(USER, false, Some(TenantRole::Member), permission);
            assert_eq!(reach, Reach::Own(USER));
        }
    }

    #[test]
    fn only_owners_touch_owners_and_no_role_operates_the_platform() {
        for role in TenantRole::ALL {
            let owners = user_reach(USER, false, Some(role), Permission::WriteOwners);
            assert_eq!(owners == Reach::All, role == TenantRole::Owner);
            let platform = user_reach(USER, false, Some(role), Permission::Platform);
            assert_eq!(platform, Reach::Nothing);
        }
    }
}
