//! Tenants and their settings on the wire.

mod update;

pub use update::{TenantEdit, UpdateExpiry, UpdateExpiryRule, UpdateTenant};

use keywright_core::key::Purpose;
use keywright_core::policy::ExpiryRule;
use keywright_core::tenant::{Environment, Settings, Slug, Tenant};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Detail, Problems};
use crate::field;
use crate::names::{JwtAlgorithm, KeyAlphabet, KeyFormat, KeyPurpose};

/// A wish for a new tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// The short name that stands in URLs: a-z, 0-9 and `-`.
    #[schema(max_length = 63, example = "my-tenant")]
    pub slug: String,
    /// The name for people.
    #[schema(max_length = 200, example = "My tenant")]
    pub name: String,
}

impl CreateTenant {
    /// The slug and the name.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self) -> Result<(Slug, String), Vec<Detail>> {
        let mut problems = Problems::new();
        let fix = "choose another slug, such as `my-tenant`";
        let slug = field::parsed(
            "slug",
            Some(&self.slug),
            str::parse::<Slug>,
            fix,
            &mut problems,
        );
        let name = field::name("name", &self.name, &mut problems);
        problems.finish_some(slug.zip(name))
    }
}

/// A tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub struct TenantBody {
    /// Identifier.
    pub id: String,
    /// The short name that stands in URLs.
    pub slug: String,
    /// The name for people.
    pub name: String,
    /// Whether its keys and users are switched off.
    pub suspended: bool,
    /// What its administrators may set.
    pub settings: SettingsBody,
    /// Unix seconds.
    pub created_at: i64,
    /// Counts changes; the `ETag` of the tenant.
    pub version: u64,
}

/// What a tenant's administrators may set.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Settings)]
pub struct SettingsBody {
    /// What opaque keys and pairs begin with.
    #[schema(example = "kw")]
    pub prefix: String,
    /// Random characters of a key.
    #[schema(example = 32)]
    pub random_length: usize,
    /// What they are drawn from.
    #[schema(value_type = KeyAlphabet)]
    pub alphabet: &'static str,
    /// The format of keys that are created without one.
    #[schema(value_type = KeyFormat)]
    pub default_format: &'static str,
    /// How JWT keys are signed.
    #[schema(value_type = JwtAlgorithm)]
    pub jwt_algorithm: &'static str,
    /// The `aud` of JWT keys.
    pub audience: String,
    /// The environments; the first is the default.
    pub environments: Vec<EnvironmentBody>,
    /// Whether keys that are not publishable may be presented in a URL.
    pub query_credentials: bool,
    /// How long keys may live.
    pub expiry: ExpiryBody,
}

/// A place where keys work.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[schema(as = Environment)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentBody {
    /// The name in the API.
    #[schema(max_length = 32, example = "production")]
    pub name: String,
    /// The part of the printed key.
    #[schema(max_length = 16, example = "live")]
    pub tag: String,
}

/// How long keys may live.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ExpiryPolicy)]
pub struct ExpiryBody {
    /// Days of a key that is created without a wish; 0 = never.
    pub default_days: u32,
    /// Whether keys may never expire where no rule limits them.
    pub never_allowed: bool,
    /// Longest lives; the shortest that matches a key wins.
    pub rules: Vec<ExpiryRuleBody>,
}

/// A longest life.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ExpiryRule)]
pub struct ExpiryRuleBody {
    /// The purpose it is about; `null` = every.
    #[schema(value_type = Option<KeyPurpose>)]
    pub purpose: Option<&'static str>,
    /// The environment it is about; `null` = every.
    pub environment: Option<String>,
    /// The longest life in days.
    pub max_days: u32,
}

impl TenantBody {
    /// The tenant as it is shown.
    #[must_use]
    pub fn new(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            slug: tenant.slug.to_string(),
            name: tenant.name.clone(),
            suspended: tenant.suspended_at.is_some(),
            settings: SettingsBody::new(&tenant.settings),
            created_at: tenant.created_at.seconds(),
            version: tenant.version,
        }
    }
}

impl SettingsBody {
    fn new(settings: &Settings) -> Self {
        let environment = |it: &Environment| EnvironmentBody {
            name: it.name.to_string(),
            tag: it.tag.to_string(),
        };
        let rule = |rule: &ExpiryRule| ExpiryRuleBody {
            purpose: rule.purpose.map(Purpose::as_str),
            environment: rule.environment.as_ref().map(ToString::to_string),
            max_days: rule.max_days,
        };
        Self {
            prefix: settings.opaque.prefix().to_string(),
            random_length: settings.opaque.random_length(),
            alphabet: settings.opaque.alphabet().name(),
            default_format: settings.default_format.as_str(),
            jwt_algorithm: settings.jwt_algorithm.name(),
            audience: settings.audience.clone(),
            environments: settings.environments.iter().map(environment).collect(),
            query_credentials: settings.query_credentials,
            expiry: ExpiryBody {
                default_days: settings.expiry.default_days,
                never_allowed: settings.expiry.never_allowed,
                rules: settings.expiry.rules.iter().map(rule).collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
