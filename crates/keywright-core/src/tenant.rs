//! A tenant: a customer organisation, isolated from the others, with its settings.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::id::TenantId;
use crate::key::Format;
use crate::limits::{ENVIRONMENTS_MAX, SLUG_BYTES_MAX};
use crate::policy::ExpiryPolicy;
use crate::time::Timestamp;
use crate::token::jwt::SigningAlgorithm;
use crate::token::{EnvironmentTag, OpaqueFormat};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Identifier.
    pub id: TenantId,
    /// The short name that stands in URLs; unique.
    pub slug: Slug,
    /// The name for people.
    pub name: String,
    /// Whether its keys and users work at all.
    pub suspended_at: Option<Timestamp>,
    /// What its administrators may set.
    pub settings: Settings,
    /// When it was made.
    pub created_at: Timestamp,
    /// Counts changes, for `ETag` and lost-update checks.
    pub version: u64,
}

/// What a tenant's administrators may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Prefix, length and alphabet of opaque keys.
    pub opaque: OpaqueFormat,
    /// The format of keys that are created without one.
    pub default_format: Format,
    /// How JWT keys are signed.
    pub jwt_algorithm: SigningAlgorithm,
    /// The `aud` of JWT keys.
    pub audience: String,
    /// The environments; the first is the default of keys that are created without one.
    pub environments: Vec<Environment>,
    /// Whether keys that are not publishable may be presented in a URL.
    pub query_credentials: bool,
    /// How long keys may live.
    pub expiry: ExpiryPolicy,
}

impl Settings {
    /// What a new tenant starts with.
    #[must_use]
    pub fn new(slug: &Slug) -> Self {
        Self {
            opaque: OpaqueFormat::default(),
            default_format: Format::Opaque,
            jwt_algorithm: SigningAlgorithm::Rs256,
            audience: String::from(slug.as_str()),
            environments: Environment::common(),
            query_credentials: false,
            expiry: ExpiryPolicy::common(),
        }
    }

    /// The environment of this name.
    #[must_use]
    pub fn environment(&self, name: &EnvironmentName) -> Option<&Environment> {
        self.environments
            .iter()
            .find(|environment| environment.name == *name)
    }

    /// Whether the settings hold together: at least one environment, none twice, rules that name
    /// existing environments.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), InvalidSettings> {
        if self.environments.is_empty() || self.environments.len() > ENVIRONMENTS_MAX {
            return Err(InvalidSettings::EnvironmentCount);
        }
        for (index, environment) in self.environments.iter().enumerate() {
            let repeated = self
                .environments
                .iter()
                .skip(index + 1)
                .any(|other| other.name == environment.name || other.tag == environment.tag);
            if repeated {
                return Err(InvalidSettings::RepeatedEnvironment(
                    environment.name.clone(),
                ));
            }
        }
        let unknown = self
            .expiry
            .rules
            .iter()
            .filter_map(|rule| rule.environment.as_ref())
            .find(|name| self.environment(name).is_none());
        match unknown {
            Some(name) => Err(InvalidSettings::UnknownEnvironment(name.clone())),
            None => Ok(()),
        }
    }
}

/// Settings that do not hold together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidSettings {
    /// None, or too many.
    #[error("a tenant has between 1 and {ENVIRONMENTS_MAX} environments")]
    EnvironmentCount,
    /// A name or tag stands twice.
    #[error("environment `{0}` shares its name or tag with another")]
    RepeatedEnvironment(EnvironmentName),
    /// An expiry rule names an environment that is not there.
    #[error("an expiry rule names the environment `{0}`, which the tenant does not have")]
    UnknownEnvironment(EnvironmentName),
}

/// A place where keys work: a key of one environment is refused in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The name in the API, such as `production`.
    pub name: EnvironmentName,
    /// The part of the printed key, such as `live`.
    pub tag: EnvironmentTag,
}

impl Environment {
    /// Production, staging and development, as every tenant starts with.
    #[must_use]
    pub fn common() -> Vec<Self> {
        [
            ("production", EnvironmentTag::live()),
            ("staging", EnvironmentTag::test()),
            ("development", EnvironmentTag::dev()),
        ]
        .into_iter()
        .map(|(name, tag)| Self {
            name: EnvironmentName(name.into()),
            tag,
        })
        .collect()
    }
}

/// The text is not a name of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "{what} is 1 to {max} characters of a-z, 0-9 and `-`, and begins and ends with a letter or digit"
)]
pub struct InvalidName {
    what: &'static str,
    max: usize,
}

fn is_label(text: &str, max: usize) -> bool {
    let bytes = text.as_bytes();
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    !bytes.is_empty()
        && bytes.len() <= max
        && bytes.iter().all(|b| plain(b) || *b == b'-')
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if is_label(text, $max) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { what: $what, max: $max })
                }
            }
        }
    };
}

label!(
    /// A tenant's short name in URLs, such as `my-tenant`.
    Slug, "a slug", SLUG_BYTES_MAX
);
label!(
    /// An environment's name, such as `production`.
    EnvironmentName, "an environment name", 32
);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn slugs_are_lower_case_labels() {
        for good in ["a", "my-tenant", "t1", &"x".repeat(63)] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a_b", "a/b", "é", &"x".repeat(64)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }

    #[test]
    fn new_settings_hold_together_and_repeats_are_found() {
        let mut settings = Settings::new(&"acme".parse().unwrap());
        settings.check().unwrap();
        let first = settings.environments.first().unwrap().clone();
        settings.environments.push(first.clone());
        assert_eq!(
            settings.check(),
            Err(InvalidSettings::RepeatedEnvironment(first.name))
        );
        settings.environments.clear();
        assert_eq!(settings.check(), Err(InvalidSettings::EnvironmentCount));
    }
}
