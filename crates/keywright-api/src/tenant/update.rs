//! The body of `update_tenant`, and what it means.

use keywright_core::key::{Format, Purpose};
use keywright_core::limits::EXPIRY_DAYS_MAX;
use keywright_core::policy::{ExpiryPolicy, ExpiryRule, InvalidPolicy};
use keywright_core::tenant::{Environment, EnvironmentName, InvalidSettings, Settings, Tenant};
use keywright_core::token::jwt::SigningAlgorithm;
use keywright_core::token::{Alphabet, EnvironmentTag, OpaqueFormat, Prefix, RANDOM_LENGTH_MAX};
use serde::Deserialize;
use utoipa::ToSchema;

use super::EnvironmentBody;
use crate::error::{Detail, Problems};
use crate::field;
use crate::json::Object;
use crate::names::{JwtAlgorithm, KeyAlphabet, KeyFormat, KeyPurpose};
use crate::patch::Patch;

/// What to change of a tenant. A field that is left out stays; lists are replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTenant {
    /// The name for people.
    #[schema(value_type = Option<String>, max_length = 200)]
    #[serde(default)]
    pub name: Patch<String>,
    /// Switches all its keys and users off, or on again; for platform administrators.
    #[schema(value_type = Option<bool>)]
    #[serde(default)]
    pub suspended: Patch<bool>,
    /// What opaque keys and pairs begin with. Keys with the old prefix keep working.
    #[schema(value_type = Option<String>, pattern = "^[a-z][a-z0-9]{1,15}$")]
    #[serde(default)]
    pub prefix: Patch<String>,
    /// Random characters of a key; at least 128 bits.
    #[schema(value_type = Option<i64>, minimum = 22, maximum = 128)]
    #[serde(default)]
    pub random_length: Patch<i64>,
    /// What they are drawn from.
    #[schema(value_type = Option<KeyAlphabet>)]
    #[serde(default)]
    pub alphabet: Patch<String>,
    /// The format of keys that are created without one; not `custom`.
    #[schema(value_type = Option<KeyFormat>)]
    #[serde(default)]
    pub default_format: Patch<String>,
    /// How JWT keys are signed.
    #[schema(value_type = Option<JwtAlgorithm>)]
    #[serde(default)]
    pub jwt_algorithm: Patch<String>,
    /// The `aud` of JWT keys.
    #[schema(value_type = Option<String>, max_length = 200)]
    #[serde(default)]
    pub audience: Patch<String>,
    /// The environments; the first is the default.
    #[schema(value_type = Option<Vec<EnvironmentBody>>, min_items = 1, max_items = 32)]
    #[serde(default)]
    pub environments: Patch<Vec<Object<EnvironmentBody>>>,
    /// Whether keys that are not publishable may be presented in a URL, where logs and histories keep
    /// them.
    #[schema(value_type = Option<bool>)]
    #[serde(default)]
    pub query_credentials: Patch<bool>,
    /// How long keys may live.
    #[schema(value_type = Option<UpdateExpiry>)]
    #[serde(default)]
    pub expiry: Patch<Object<UpdateExpiry>>,
}

/// What to change of the expiry policy. A field that is left out stays; rules are replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateExpiry {
    /// Days of a key that is created without a wish; 0 = never.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 36500)]
    #[serde(default)]
    pub default_days: Patch<i64>,
    /// Whether keys may never expire where no rule limits them.
    #[schema(value_type = Option<bool>)]
    #[serde(default)]
    pub never_allowed: Patch<bool>,
    /// Longest lives.
    #[schema(value_type = Option<Vec<UpdateExpiryRule>>, max_items = 64)]
    #[serde(default)]
    pub rules: Patch<Vec<Object<UpdateExpiryRule>>>,
}

/// A longest life.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateExpiryRule {
    /// The purpose it is about; left out = every.
    #[serde(default)]
    #[schema(value_type = Option<KeyPurpose>)]
    pub purpose: Option<String>,
    /// The environment it is about; left out = every.
    #[serde(default)]
    pub environment: Option<String>,
    /// The longest life in days.
    #[schema(minimum = 1, maximum = 36500)]
    pub max_days: i64,
}

/// A tenant after an [`UpdateTenant`]; identifier, slug and version are as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantEdit {
    /// The name for people.
    pub name: String,
    /// All settings after the update.
    pub settings: Settings,
    /// Whether to suspend it or take it back; `None` = as it is.
    pub suspended: Option<bool>,
}

impl UpdateTenant {
    /// Lays the update over `tenant` and checks that the settings hold together.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self, tenant: &Tenant) -> Result<TenantEdit, Vec<Detail>> {
        let mut problems = Problems::new();
        let before = &tenant.settings;
        let opaque = self.opaque(&before.opaque, &mut problems);
        let default_format = self.default_format(&mut problems);
        let jwt_algorithm = field::one_of(
            "jwt_algorithm",
            self.jwt_algorithm
                .as_ref()
                .not_null("jwt_algorithm", &mut problems)
                .map(String::as_str),
            &SigningAlgorithm::ALL,
            SigningAlgorithm::name,
            &mut problems,
        );
        let mut named = |path: &str, patch: Patch<String>| {
            let value = patch.not_null(path, &mut problems)?;
            field::name(path, &value, &mut problems)
        };
        let name = named("name", self.name);
        let audience = named("audience", self.audience);
        let environments = self
            .environments
            .not_null("environments", &mut problems)
            .map(|values| environments(&values, &mut problems));
        let expiry = self
            .expiry
            .not_null("expiry", &mut problems)
            .map(|Object(update)| update.over(&before.expiry, &mut problems));
        let query_credentials = self
            .query_credentials
            .not_null("query_credentials", &mut problems);
        let suspended = self.suspended.not_null("suspended", &mut problems);
        let settings = Settings {
            opaque,
            default_format: default_format.unwrap_or(before.default_format),
            jwt_algorithm: jwt_algorithm.unwrap_or(before.jwt_algorithm),
            audience: audience.unwrap_or_else(|| before.audience.clone()),
            environments: environments.unwrap_or_else(|| before.environments.clone()),
            query_credentials: query_credentials.unwrap_or(before.query_credentials),
            expiry: expiry.unwrap_or_else(|| before.expiry.clone()),
        };
        let name = name.unwrap_or_else(|| tenant.name.clone());
        // What its parts have wrong already would only be said twice.
        let edit = problems.finish(TenantEdit {
            name,
            settings,
            suspended,
        })?;
        whole(&edit.settings).map_or(Ok(edit), |detail| Err(vec![detail]))
    }

    fn opaque(&self, before: &OpaqueFormat, problems: &mut Problems) -> OpaqueFormat {
        let prefix = self.prefix.as_ref().not_null("prefix", problems);
        let fix = "choose another, such as `acme`";
        let prefix = field::parsed(
            "prefix",
            prefix.map(String::as_str),
            Prefix::new,
            fix,
            problems,
        );
        let most = u32::try_from(RANDOM_LENGTH_MAX).unwrap_or(u32::MAX);
        let length = self
            .random_length
            .as_ref()
            .not_null("random_length", problems)
            .and_then(|length| field::number("random_length", *length, 1..=most, problems))
            .and_then(|length| usize::try_from(length).ok());
        let alphabet = field::one_of(
            "alphabet",
            self.alphabet
                .as_ref()
                .not_null("alphabet", problems)
                .map(String::as_str),
            &Alphabet::ALL,
            Alphabet::name,
            problems,
        );
        let format = OpaqueFormat::new(
            prefix.unwrap_or_else(|| before.prefix().clone()),
            length.unwrap_or_else(|| before.random_length()),
            alphabet.unwrap_or_else(|| before.alphabet()),
        );
        format.unwrap_or_else(|error| {
            let fix = "give a longer `random_length`, or a larger alphabet";
            problems.add("random_length", error.to_string(), fix);
            before.clone()
        })
    }

    fn default_format(&self, problems: &mut Problems) -> Option<Format> {
        const PATH: &str = "default_format";
        let value = self
            .default_format
            .as_ref()
            .not_null(PATH, problems)
            .map(String::as_str);
        let format = field::one_of(PATH, value, Format::ALL, Format::as_str, problems);
        if format == Some(Format::Custom) {
            problems.add(
                PATH,
                "cannot be `custom`",
                "custom keys name their format one by one",
            );
        }
        format
    }
}

fn environments(values: &[Object<EnvironmentBody>], problems: &mut Problems) -> Vec<Environment> {
    let mut read = Vec::with_capacity(values.len());
    for (index, Object(value)) in values.iter().enumerate() {
        let name = field::parsed(
            &format!("environments[{index}].name"),
            Some(&value.name),
            str::parse::<EnvironmentName>,
            "choose another name, such as `production`",
            problems,
        );
        let tag = field::parsed(
            &format!("environments[{index}].tag"),
            Some(&value.tag),
            EnvironmentTag::new,
            "choose another tag, such as `live`",
            problems,
        );
        read.extend(name.zip(tag).map(|(name, tag)| Environment { name, tag }));
    }
    read
}

impl UpdateExpiry {
    fn over(self, before: &ExpiryPolicy, problems: &mut Problems) -> ExpiryPolicy {
        let default_days = self
            .default_days
            .not_null("expiry.default_days", problems)
            .and_then(|days| {
                field::number("expiry.default_days", days, 0..=EXPIRY_DAYS_MAX, problems)
            });
        let never_allowed = self
            .never_allowed
            .not_null("expiry.never_allowed", problems);
        let rules = self.rules.not_null("expiry.rules", problems).map(|rules| {
            let rules = rules.into_iter().enumerate();
            rules
                .filter_map(|(index, Object(rule))| rule.read(index, problems))
                .collect()
        });
        ExpiryPolicy {
            default_days: default_days.unwrap_or(before.default_days),
            never_allowed: never_allowed.unwrap_or(before.never_allowed),
            rules: rules.unwrap_or_else(|| before.rules.clone()),
        }
    }
}

impl UpdateExpiryRule {
    fn read(self, index: usize, problems: &mut Problems) -> Option<ExpiryRule> {
        let at = |name: &str| format!("expiry.rules[{index}].{name}");
        let purpose = field::one_of(
            &at("purpose"),
            self.purpose.as_deref(),
            Purpose::ALL,
            Purpose::as_str,
            problems,
        );
        let environment = field::parsed(
            &at("environment"),
            self.environment.as_deref(),
            str::parse::<EnvironmentName>,
            "use an environment of the tenant",
            problems,
        );
        let max_days = field::number(
            &at("max_days"),
            self.max_days,
            1..=EXPIRY_DAYS_MAX,
            problems,
        )?;
        Some(ExpiryRule {
            purpose,
            environment,
            max_days,
        })
    }
}

/// Whether the settings hold together, as the core judges.
fn whole(settings: &Settings) -> Option<Detail> {
    if let Err(error) = settings.check() {
        let path = match error {
            InvalidSettings::EnvironmentCount | InvalidSettings::RepeatedEnvironment(_) => {
                "environments"
            }
            InvalidSettings::UnknownEnvironment(_) => "expiry.rules",
        };
        let fix = "make environments and expiry rules fit each other";
        return Some(Detail::new(path, error.to_string(), fix));
    }
    let error = settings.expiry.check().err()?;
    let path = match error {
        InvalidPolicy::DefaultDays => "expiry.default_days",
        InvalidPolicy::MaxDays | InvalidPolicy::TooManyRules => "expiry.rules",
    };
    Some(Detail::new(path, error.to_string(), "correct it"))
}
