//! Users and invitations on the wire.

use keywright_core::limits::NAME_BYTES_MAX;
use keywright_core::secret::Secret;
use keywright_core::time::Timestamp;
use keywright_core::user::{Invitation, TenantRole, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Detail, Problems};
use crate::field::{self, Lines};
use crate::names::MemberRole;
use crate::patch::Patch;
use crate::text::SecretText;

/// A wish for a new user of a tenant. Without a password, the user is invited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// E-mail address.
    #[schema(max_length = 254, example = "ada@example.com")]
    pub email: String,
    /// The password; without one, the answer holds an invitation.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub password: Option<SecretText>,
    /// The role in the tenant.
    #[schema(value_type = MemberRole)]
    pub role: String,
    /// Name for people.
    #[serde(default)]
    #[schema(max_length = 200, example = "Ada Lovelace")]
    pub name: Option<String>,
}

/// What a [`CreateUser`] means.
#[derive(Debug)]
pub struct NewUser {
    /// The normalised address.
    pub email: String,
    /// The password; its strength is not checked here.
    pub password: Option<Secret>,
    /// The role in the tenant.
    pub role: TenantRole,
    /// Name for people.
    pub name: Option<String>,
}

impl CreateUser {
    /// Checks all but the password's strength.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self) -> Result<NewUser, Vec<Detail>> {
        let mut problems = Problems::new();
        let email = field::email("email", &self.email, &mut problems);
        let role = role(Some(&self.role), &mut problems);
        let name = person("name", self.name.as_deref(), &mut problems);
        let password = self.password.map(SecretText::into_secret);
        problems.finish_some(email.zip(role).map(|(email, role)| NewUser {
            email,
            password,
            role,
            name,
        }))
    }
}

/// What to change of a user in a tenant.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// The role in the tenant.
    #[schema(value_type = Option<MemberRole>)]
    #[serde(default)]
    pub role: Patch<String>,
    /// Switches the user and the user's keys off, or on again.
    #[schema(value_type = Option<bool>)]
    #[serde(default)]
    pub disabled: Patch<bool>,
    /// Name for people.
    #[schema(value_type = Option<String>, max_length = 200)]
    #[serde(default)]
    pub name: Patch<String>,
}

/// What an [`UpdateUser`] means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEdit {
    /// Another role; `None` = as it is.
    pub role: Option<TenantRole>,
    /// Whether to switch off or on; `None` = as it is.
    pub disabled: Option<bool>,
    /// Another name, or none.
    pub name: Patch<String>,
}

impl UpdateUser {
    /// Checks the fields.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self) -> Result<UserEdit, Vec<Detail>> {
        let mut problems = Problems::new();
        let role_name = self.role.not_null("role", &mut problems);
        let role = role(role_name.as_deref(), &mut problems);
        let disabled = self.disabled.not_null("disabled", &mut problems);
        let name = match self.name {
            Patch::Missing => Patch::Missing,
            Patch::Null => Patch::Null,
            Patch::Value(name) => {
                person("name", Some(&name), &mut problems).map_or(Patch::Null, Patch::Value)
            }
        };
        problems.finish(UserEdit {
            role,
            disabled,
            name,
        })
    }
}

/// A user.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserBody {
    /// Identifier.
    pub id: String,
    /// E-mail address.
    #[schema(example = "ada@example.com")]
    pub email: String,
    /// Name for people.
    pub name: Option<String>,
    /// The role in the tenant; `null` where no tenant is meant.
    #[schema(value_type = Option<MemberRole>)]
    pub role: Option<&'static str>,
    /// Whether the user sees and manages every tenant.
    pub platform_admin: bool,
    /// `active` or `disabled`.
    #[schema(value_type = UserStatus)]
    pub status: UserStatus,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds; `null` = never, or not known.
    pub last_sign_in: Option<i64>,
    /// Counts changes; the `ETag` of the user.
    pub version: u64,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// Yes.
    Active,
    /// No, and the user's keys do not work.
    Disabled,
}

impl UserBody {
    /// The user as it is shown.
    #[must_use]
    pub fn new(user: &User, role: Option<TenantRole>, last_sign_in_at: Option<Timestamp>) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.clone(),
            name: user.name.clone(),
            role: role.map(TenantRole::as_str),
            platform_admin: user.platform_admin,
            status: match user.disabled_at {
                None => UserStatus::Active,
                Some(_) => UserStatus::Disabled,
            },
            created_at: user.created_at.seconds(),
            last_sign_in: last_sign_in_at.map(Timestamp::seconds),
            version: user.version,
        }
    }
}

/// An open invitation.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationBody {
    /// Identifier.
    pub id: String,
    /// To whom.
    pub email: Option<String>,
    /// The role in the tenant.
    #[schema(value_type = MemberRole)]
    pub role: &'static str,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub expires_at: i64,
}

/// A new invitation with its token. No other answer ever shows it.
#[derive(Serialize, ToSchema)]
pub struct CreatedInvitation {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: InvitationBody,
    /// What the invited person accepts it with. It is not shown again.
    #[schema(value_type = String, required = false)]
    #[serde(serialize_with = "crate::text::disclose")]
    pub token: Secret,
}

impl InvitationBody {
    /// The invitation as it is shown.
    #[must_use]
    pub fn new(invitation: &Invitation) -> Self {
        Self {
            id: invitation.id.to_string(),
            email: invitation.email.clone(),
            role: invitation.role.as_str(),
            created_at: invitation.created_at.seconds(),
            expires_at: invitation.expires_at.seconds(),
        }
    }
}

/// Accepts an invitation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvitation {
    /// The token of the invitation.
    #[schema(value_type = String, format = Password)]
    pub token: SecretText,
    /// The password to sign in with from now on.
    #[schema(value_type = String, format = Password)]
    pub password: SecretText,
    /// Name for people.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name: Option<String>,
}

/// What an [`AcceptInvitation`] means.
#[derive(Debug)]
pub struct Acceptance {
    /// The token of the invitation.
    pub token: Secret,
    /// The new password; its strength is not checked here.
    pub password: Secret,
    /// Name for people.
    pub name: Option<String>,
}

impl AcceptInvitation {
    /// Checks all but the password's strength.
    ///
    /// # Errors
    /// When the name cannot be one.
    pub fn validate(self) -> Result<Acceptance, Vec<Detail>> {
        let mut problems = Problems::new();
        let name = person("name", self.name.as_deref(), &mut problems);
        let (token, password) = (self.token.into_secret(), self.password.into_secret());
        problems.finish(Acceptance {
            token,
            password,
            name,
        })
    }
}

fn role(value: Option<&str>, problems: &mut Problems) -> Option<TenantRole> {
    field::one_of(
        "role",
        value,
        &TenantRole::ALL,
        TenantRole::as_str,
        problems,
    )
}

fn person(path: &str, value: Option<&str>, problems: &mut Problems) -> Option<String> {
    field::text(path, value, NAME_BYTES_MAX, Lines::One, problems)
}

#[cfg(test)]
mod tests;
