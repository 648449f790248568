//! Signing in, sessions, set-up and the caller's own account on the wire.

use keywright_core::secret::Secret;
use keywright_core::tenant::{Slug, Tenant};
use keywright_core::user::{Session, TenantRole, User};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Detail, Problems};
use crate::field;
use crate::names::MemberRole;
use crate::text::{self, SecretText};

/// Signs in with a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// E-mail address.
    #[schema(max_length = 254, example = "ada@example.com")]
    pub email: String,
    /// Password.
    #[schema(value_type = String, format = Password)]
    pub password: SecretText,
    /// For browsers: sets a session cookie and answers a CSRF token instead of tokens.
    #[serde(default)]
    pub cookie: bool,
}

/// What programs get for signing in or renewing (RFC 6749, 5.1).
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub struct TokenBody {
    /// To send as `Authorization: Bearer`.
    #[schema(value_type = String)]
    #[serde(serialize_with = "text::disclose")]
    pub access_token: Secret,
    /// Always `Bearer`.
    #[schema(value_type = String, example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds that the access token works.
    #[schema(example = 900)]
    pub expires_in: u64,
    /// Gets the next pair of tokens, once.
    #[schema(value_type = String)]
    #[serde(serialize_with = "text::disclose")]
    pub refresh_token: Secret,
}

impl TokenBody {
    /// A pair of tokens.
    #[must_use]
    pub const fn new(access_token: Secret, expires_in: u64, refresh_token: Secret) -> Self {
        Self {
            access_token,
            token_type: "Bearer",
            expires_in,
            refresh_token,
        }
    }
}

/// What a browser gets for signing in; the session itself is in the cookie.
#[derive(Serialize, ToSchema)]
pub struct CookieSession {
    /// To send as `X-CSRF-Token` with every call that changes something.
    #[schema(value_type = String)]
    #[serde(serialize_with = "text::disclose")]
    pub csrf_token: Secret,
    /// Seconds until the session ends, if nothing is done meanwhile.
    pub expires_in: u64,
    /// Who signed in.
    pub me: MeBody,
}

/// Gets the next pair of tokens.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token of the last answer.
    #[schema(value_type = String, format = Password)]
    pub refresh_token: SecretText,
}

/// Changes the caller's own password. Every other session of the caller ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password until now.
    #[schema(value_type = String, format = Password)]
    pub current_password: SecretText,
    /// The password from now on.
    #[schema(value_type = String, format = Password)]
    pub new_password: SecretText,
}

/// A signed-in session.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionBody {
    /// Identifier.
    pub id: String,
    /// `bearer` or `cookie`.
    #[schema(value_type = String, example = "cookie")]
    pub carrier: &'static str,
    /// Whether it is the one that asks.
    pub current: bool,
    /// Unix seconds.
    pub created_at: i64,
    /// Unix seconds.
    pub renewed_at: i64,
    /// Unix seconds.
    pub expires_at: i64,
    /// The address that began it.
    pub address: Option<String>,
    /// The program that began it.
    pub user_agent: Option<String>,
}

/// Where a session began, or from where a call came, once unsealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The client's address.
    pub address: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
}

impl SessionBody {
    /// The session as it is shown to its user.
    #[must_use]
    pub fn new(session: &Session, current: bool, origin: Origin) -> Self {
        Self {
            id: session.id.to_string(),
            carrier: session.carrier.as_str(),
            current,
            created_at: session.created_at.seconds(),
            renewed_at: session.renewed_at.seconds(),
            expires_at: session.expires_at.seconds(),
            address: origin.address,
            user_agent: origin.user_agent,
        }
    }
}

/// Who is calling.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Me)]
pub struct MeBody {
    /// Identifier of the user.
    pub id: String,
    /// E-mail address.
    pub email: String,
    /// Name for people.
    pub name: Option<String>,
    /// Whether the user sees and manages every tenant.
    pub platform_admin: bool,
    /// The tenants of the user.
    pub tenants: Vec<MemberOf>,
    /// For a session by cookie: what its writing requests carry in `X-CSRF-Token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf_token: Option<String>,
}

/// A tenant of the caller.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MemberOf {
    /// Identifier of the tenant.
    pub id: String,
    /// Its short name.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The caller's role there.
    #[schema(value_type = MemberRole)]
    pub role: &'static str,
}

impl MeBody {
    /// The user with these tenants.
    #[must_use]
    pub fn new(user: &User, tenants: Vec<MemberOf>) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.clone(),
            name: user.name.clone(),
            platform_admin: user.platform_admin,
            tenants,
            csrf_token: None,
        }
    }
}

impl MemberOf {
    /// The caller's place in `tenant`.
    #[must_use]
    pub fn new(tenant: &Tenant, role: TenantRole) -> Self {
        Self {
            id: tenant.id.to_string(),
            slug: tenant.slug.to_string(),
            name: tenant.name.clone(),
            role: role.as_str(),
        }
    }
}

/// Sets a new installation up: the first administrator and the first tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The token of the link that the server printed at its first start.
    #[schema(value_type = String, format = Password)]
    pub token: SecretText,
    /// The administrator's e-mail address.
    #[schema(max_length = 254, example = "ada@example.com")]
    pub email: String,
    /// The administrator's password.
    #[schema(value_type = String, format = Password)]
    pub password: SecretText,
    /// The slug of the first tenant; without it, `default`.
    #[serde(default)]
    #[schema(max_length = 63, example = "default")]
    pub tenant: Option<String>,
}

/// What a [`Setup`] means.
#[derive(Debug)]
pub struct NewInstallation {
    /// The token of the link.
    pub token: Secret,
    /// The normalised address of the administrator.
    pub email: String,
    /// The administrator's password; its strength is not checked here.
    pub password: Secret,
    /// The first tenant; `None` = the configured one.
    pub tenant: Option<Slug>,
}

impl Setup {
    /// Checks all but the password's strength.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self) -> Result<NewInstallation, Vec<Detail>> {
        let mut problems = Problems::new();
        let email = field::email("email", &self.email, &mut problems);
        let tenant = field::parsed(
            "tenant",
            self.tenant.as_deref(),
            str::parse::<Slug>,
            "choose another slug, such as `default`",
            &mut problems,
        );
        let (token, password) = (self.token.into_secret(), self.password.into_secret());
        problems.finish_some(email.map(|email| NewInstallation {
            token,
            email,
            password,
            tenant,
        }))
    }
}
