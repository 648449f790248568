//! A tenant's settings as the JSON of their column. The names are stored: they may gain members with
//! a default, never change their meaning.

use keywright_core::key::{Format, Purpose};
use keywright_core::policy::{ExpiryPolicy, ExpiryRule};
use keywright_core::tenant::{Environment, Settings};
use keywright_core::token::jwt::SigningAlgorithm;
use keywright_core::token::{Alphabet, EnvironmentTag, OpaqueFormat, Prefix};
use serde::{Deserialize, Serialize};

use crate::decode::{self, Place};
use crate::error::StoreError;

#[derive(Serialize, Deserialize)]
struct StoredSettings {
    prefix: String,
    random_length: usize,
    alphabet: String,
    default_format: String,
    jwt_algorithm: String,
    audience: String,
    #[serde(default)]
    query_credentials: bool,
    environments: Vec<StoredEnvironment>,
    expiry: StoredExpiry,
}

#[derive(Serialize, Deserialize)]
struct StoredEnvironment {
    name: String,
    tag: String,
}

#[derive(Serialize, Deserialize)]
struct StoredExpiry {
    default_days: u32,
    never_allowed: bool,
    rules: Vec<StoredRule>,
}

#[derive(Serialize, Deserialize)]
struct StoredRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    max_days: u32,
}

pub(crate) fn encode(settings: &Settings) -> Result<String, StoreError> {
    let environment = |environment: &Environment| StoredEnvironment {
        name: environment.name.to_string(),
        tag: environment.tag.as_str().into(),
    };
    let rule = |rule: &ExpiryRule| StoredRule {
        purpose: rule.purpose.map(|purpose| purpose.as_str().into()),
        environment: rule.environment.as_ref().map(ToString::to_string),
        max_days: rule.max_days,
    };
    decode::json(&StoredSettings {
        prefix: settings.opaque.prefix().as_str().into(),
        random_length: settings.opaque.random_length(),
        alphabet: settings.opaque.alphabet().name().into(),
        default_format: settings.default_format.as_str().into(),
        jwt_algorithm: settings.jwt_algorithm.name().into(),
        audience: settings.audience.clone(),
        query_credentials: settings.query_credentials,
        environments: settings.environments.iter().map(environment).collect(),
        expiry: StoredExpiry {
            default_days: settings.expiry.default_days,
            never_allowed: settings.expiry.never_allowed,
            rules: settings.expiry.rules.iter().map(rule).collect(),
        },
    })
}

pub(crate) fn decode(at: Place<'_>, text: &str) -> Result<Settings, StoreError> {
    const COLUMN: &str = "settings";
    let stored: StoredSettings = at.json(COLUMN, text)?;
    let prefix = at.named(COLUMN, Prefix::new(&stored.prefix).ok())?;
    let alphabet = at.named(COLUMN, Alphabet::from_name(&stored.alphabet))?;
    let opaque = OpaqueFormat::new(prefix, stored.random_length, alphabet);
    let environment = |it: &StoredEnvironment| {
        Ok(Environment {
            name: at.parse(COLUMN, &it.name)?,
            tag: at.named(COLUMN, EnvironmentTag::new(&it.tag).ok())?,
        })
    };
    let rule = |it: &StoredRule| {
        let purpose = it
            .purpose
            .as_deref()
            .map(|it| at.named(COLUMN, Purpose::from_name(it)));
        Ok(ExpiryRule {
            purpose: purpose.transpose()?,
            environment: at.parse_optional(COLUMN, it.environment.as_deref())?,
            max_days: it.max_days,
        })
    };
    Ok(Settings {
        opaque: at.named(COLUMN, opaque.ok())?,
        default_format: at.named(COLUMN, Format::from_name(&stored.default_format))?,
        jwt_algorithm: at.named(COLUMN, SigningAlgorithm::from_name(&stored.jwt_algorithm))?,
        environments: stored
            .environments
            .iter()
            .map(environment)
            .collect::<Result<_, StoreError>>()?,
        expiry: ExpiryPolicy {
            default_days: stored.expiry.default_days,
            never_allowed: stored.expiry.never_allowed,
            rules: stored
                .expiry
                .rules
                .iter()
                .map(rule)
                .collect::<Result<_, StoreError>>()?,
        },
        audience: stored.audience,
        query_credentials: stored.query_credentials,
    })
}
