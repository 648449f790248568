//! The body of `create_key`, and what it means.

use keywright_core::id::UserId;
use keywright_core::key::{Attributes, Format, Kind, Purpose};
use keywright_core::limits::{
    DESCRIPTION_BYTES_MAX, EXTERNAL_ID_BYTES_MAX, GRANTS_MAX, KEY_ROLES_MAX, NAME_BYTES_MAX,
};
use keywright_core::policy::{ExpiryRefusal, ExpiryWish};
use keywright_core::restriction::AddressRules;
use keywright_core::role::RoleName;
use keywright_core::scope::Grant;
use keywright_core::secret::Secret;
use keywright_core::tenant::EnvironmentName;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::restrictions::{AndroidAppBody, Edit, TimeWindowBody};
use crate::error::{Detail, Problems};
use crate::field::{self, Lines};
use crate::json::Object;
use crate::limit::LimitsBody;
use crate::names::{KeyFormat, KeyKind, KeyPurpose};
use crate::patch::Patch;
use crate::text::SecretText;

/// A wish for a new key. Everything may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateKey {
    /// Name for people; recommended.
    #[schema(max_length = 200, example = "CI/CD Pipeline Key")]
    pub name: Option<String>,
    /// What the key is for, in a few sentences.
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// Without it: the kind of `purpose`, else `application`.
    #[schema(value_type = Option<KeyKind>)]
    pub kind: Option<String>,
    /// What it is for; it must belong to `kind`. `read_only` keys hold only scopes that end with
    /// `:read`, `:list`, `:view` or `:get`, `web` and `mobile` keys none of administrators; `temporary`
    /// and `emergency` keys end within a week.
    #[schema(value_type = Option<KeyPurpose>)]
    pub purpose: Option<String>,
    /// Without it: the tenant's default.
    #[schema(value_type = Option<KeyFormat>)]
    pub format: Option<String>,
    /// Without it: the tenant's first environment.
    #[schema(example = "production")]
    pub environment: Option<String>,
    /// Scopes of the tenant's catalogue, or wildcards such as `users:*`.
    #[schema(max_items = 200, example = json!(["api:read", "api:write", "deploy:production"]))]
    pub scopes: Option<Vec<String>>,
    /// Roles of the tenant.
    #[schema(max_items = 32)]
    pub roles: Option<Vec<String>>,
    /// Life in days of 24 hours; 0 = never expires. Not together with `expires_at`.
    #[schema(minimum = 0, maximum = 36500, example = 90)]
    pub expires_in_days: Option<i64>,
    /// End of life in Unix seconds. Not together with `expires_in_days`.
    #[schema(minimum = 0, maximum = 253402300799_i64)]
    pub expires_at: Option<i64>,
    /// Begin of life in Unix seconds.
    #[schema(minimum = 0, maximum = 253402300799_i64)]
    pub not_before: Option<i64>,
    /// `false` creates the key switched off.
    #[schema(default = true)]
    pub active: Option<bool>,
    /// The user that the key belongs to; without it, whoever creates it.
    #[schema(example = "user-0198c5f2-a7e0-7f3c-8b1a-0c5d2e9f4a61")]
    pub owner: Option<String>,
    /// The end customer in your own system.
    #[schema(max_length = 256)]
    pub external_id: Option<String>,
    /// Labels, for search and bulk operations.
    #[schema(max_items = 32)]
    pub tags: Option<Vec<String>>,
    /// A JSON object of yours, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
    /// Addresses and networks (CIDR) that may use the key; empty = all.
    #[schema(max_items = 256, example = json!(["203.0.113.0/24", "2001:db8::/32"]))]
    pub ip_allow: Option<Vec<String>>,
    /// Addresses and networks (CIDR) that may not; they outrank `ip_allow`.
    #[schema(max_items = 256)]
    pub ip_deny: Option<Vec<String>>,
    /// What the key may use, over what its plan says.
    #[serde(rename = "rateLimit")]
    #[schema(value_type = Option<LimitsBody>)]
    pub rate_limit: Option<Object<LimitsBody>>,
    /// The plan whose limits the key has.
    #[schema(example = "free")]
    pub plan: Option<String>,
    /// The pair's requests are signed with its secret, which then never travels. Only for pairs, which
    /// this makes the default.
    #[schema(default = false)]
    pub request_signing: Option<bool>,
    /// Web sites that may use the key: `example.com/*`, `*.example.com/*`; a port is named. Empty = no such rule.
    #[schema(max_items = 256, example = json!(["https://app.example.com/*", "*.example.com/*"]))]
    pub referrers: Option<Vec<String>>,
    /// Android apps that may use the key. One kind of client per key.
    #[schema(value_type = Option<Vec<AndroidAppBody>>, max_items = 256)]
    pub android_apps: Option<Vec<Object<AndroidAppBody>>>,
    /// iOS apps (bundle identifiers) that may use the key.
    #[schema(max_items = 256, example = json!(["com.example.app"]))]
    pub ios_bundles: Option<Vec<String>>,
    /// Countries (ISO 3166-1 alpha-2) in which the key may be used; empty = all.
    #[schema(max_items = 256, example = json!(["DE", "FR"]))]
    pub countries_allow: Option<Vec<String>>,
    /// Countries in which it may not; they outrank `countries_allow`.
    #[schema(max_items = 256)]
    pub countries_deny: Option<Vec<String>>,
    /// Networks (AS numbers) from which the key may be used; empty = all.
    #[schema(max_items = 256, example = json!([64496]))]
    pub networks_allow: Option<Vec<i64>>,
    /// Networks from which it may not; they outrank `networks_allow`.
    #[schema(max_items = 256)]
    pub networks_deny: Option<Vec<i64>>,
    /// When the key may be used; empty = always.
    #[schema(value_type = Option<Vec<TimeWindowBody>>, max_items = 14)]
    pub time_windows: Option<Vec<Object<TimeWindowBody>>>,
    /// The key rests until this moment, in Unix seconds, and works again by itself.
    #[schema(minimum = 0, maximum = 253402300799_i64)]
    pub paused_until: Option<i64>,
    /// The value of a key of format `custom`; only there.
    #[schema(value_type = Option<String>, format = Password)]
    pub api_key: Option<SecretText>,
}

/// What a [`CreateKey`] means, before the tenant's settings fill its gaps.
#[derive(Debug)]
pub struct NewKey {
    /// What its holder may change later.
    pub attributes: Attributes,
    /// What it is for, coarsely.
    pub kind: Kind,
    /// What it is for, finely.
    pub purpose: Option<Purpose>,
    /// How it is printed; `None` = the tenant's default.
    pub format: Option<Format>,
    /// Where it works; `None` = the tenant's first environment.
    pub environment: Option<EnvironmentName>,
    /// When it ends; the tenant's policy decides on it.
    pub expiry: ExpiryWish,
    /// Whether it works at once.
    pub active: bool,
    /// Whose it is; `None` = the caller's.
    pub owner: Option<UserId>,
    /// Whether its requests are signed.
    pub request_signing: bool,
    /// The value of a custom key.
    pub value: Option<Secret>,
}

impl CreateKey {
    /// Checks all that can be checked without the tenant.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(mut self) -> Result<NewKey, Vec<Detail>> {
        let mut problems = Problems::new();
        let (kind, purpose) = self.kind_and_purpose(&mut problems);
        let format = self.checked_format(&mut problems);
        let environment = field::parsed(
            "environment",
            self.environment.as_deref(),
            str::parse::<EnvironmentName>,
            "use an environment of the tenant",
            &mut problems,
        );
        let owner = field::parsed(
            "owner",
            self.owner.as_deref(),
            str::parse::<UserId>,
            "give the identifier of a user of the tenant",
            &mut problems,
        );
        let restrictions = self.restrictions().over(None, &mut problems);
        let attributes = Attributes {
            restrictions,
            ..self.attributes(&mut problems)
        };
        let wish = super::expiry_wish(self.expires_in_days, self.expires_at, &mut problems);
        if let Some(ExpiryWish::At(end)) = wish {
            super::life(attributes.not_before, Some(end), &mut problems);
        }
        problems.finish(NewKey {
            attributes,
            kind,
            purpose,
            format,
            environment,
            expiry: wish.unwrap_or(ExpiryWish::Default),
            active: self.active.unwrap_or(true),
            owner,
            request_signing: self.request_signing == Some(true),
            value: self.api_key.map(SecretText::into_secret),
        })
    }

    fn kind_and_purpose(&self, problems: &mut Problems) -> (Kind, Option<Purpose>) {
        let kind = field::one_of(
            "kind",
            self.kind.as_deref(),
            Kind::ALL,
            Kind::as_str,
            problems,
        );
        let purpose = field::one_of(
            "purpose",
            self.purpose.as_deref(),
            Purpose::ALL,
            Purpose::as_str,
            problems,
        );
        if let (Some(kind), Some(purpose)) = (kind, purpose)
            && purpose.kind() != kind
        {
            problems.add(
                "purpose",
                format!("belongs to the kind `{}`", purpose.kind().as_str()),
                "leave `kind` out, or give one that fits",
            );
        }
        (
            kind.or(purpose.map(Purpose::kind))
                .unwrap_or(Kind::Application),
            purpose,
        )
    }

    fn checked_format(&self, problems: &mut Problems) -> Option<Format> {
        let mut format = field::one_of(
            "format",
            self.format.as_deref(),
            Format::ALL,
            Format::as_str,
            problems,
        );
        if self.request_signing == Some(true) {
            if matches!(format, Some(other) if other != Format::Pair) {
                problems.add(
                    "request_signing",
                    "is only for keys of the format `pair`",
                    "remove it, or leave `format` out",
                );
            }
            if format.is_none() {
                format = Some(Format::Pair);
            }
        }
        match (format, &self.api_key) {
            (Some(Format::Custom), None) => {
                problems.add("api_key", "is missing", "give the value of the custom key");
            }
            (Some(Format::Custom), Some(_)) | (_, None) => {}
            (_, Some(_)) => problems.add(
                "api_key",
                "is only for keys of the format `custom`",
                "remove it, or give `\"format\": \"custom\"`",
            ),
        }
        format
    }

    fn restrictions(&mut self) -> Edit {
        Edit {
            referrers: self.referrers.take(),
            android_apps: self.android_apps.take(),
            ios_bundles: self.ios_bundles.take(),
            countries_allow: self.countries_allow.take(),
            countries_deny: self.countries_deny.take(),
            networks_allow: self.networks_allow.take(),
            networks_deny: self.networks_deny.take(),
            time_windows: self.time_windows.take(),
            paused_until: self.paused_until.map_or(Patch::Missing, Patch::Value),
        }
    }

    fn attributes(&self, problems: &mut Problems) -> Attributes {
        let listed = |values: &Option<Vec<String>>| values.clone().unwrap_or_default();
        Attributes {
            name: field::text(
                "name",
                self.name.as_deref(),
                NAME_BYTES_MAX,
                Lines::One,
                problems,
            ),
            description: field::text(
                "description",
                self.description.as_deref(),
                DESCRIPTION_BYTES_MAX,
                Lines::Many,
                problems,
            ),
            scopes: field::list(
                "scopes",
                &listed(&self.scopes),
                GRANTS_MAX,
                str::parse::<Grant>,
                problems,
            ),
            roles: field::list(
                "roles",
                &listed(&self.roles),
                KEY_ROLES_MAX,
                str::parse::<RoleName>,
                problems,
            ),
            tags: super::tags(&listed(&self.tags), problems),
            metadata: field::metadata("metadata", self.metadata.as_deref(), problems),
            external_id: field::text(
                "external_id",
                self.external_id.as_deref(),
                EXTERNAL_ID_BYTES_MAX,
                Lines::One,
                problems,
            ),
            addresses: AddressRules {
                allow: super::addresses("ip_allow", &listed(&self.ip_allow), problems),
                deny: super::addresses("ip_deny", &listed(&self.ip_deny), problems),
            },
            limits: self
                .rate_limit
                .as_ref()
                .map(|Object(limits)| limits.read("rateLimit", problems))
                .unwrap_or_default(),
            plan: super::plan(self.plan.as_deref(), problems),
            restrictions: None,
            not_before: self
                .not_before
                .and_then(|begin| field::moment("not_before", begin, problems)),
        }
    }
}

/// What the tenant's policy has against a wish, at the field that made it.
#[must_use]
pub fn expiry_detail(wish: ExpiryWish, refusal: ExpiryRefusal) -> Detail {
    let path = match wish {
        ExpiryWish::At(_) => "expires_at",
        ExpiryWish::Default | ExpiryWish::Never | ExpiryWish::Days(_) => "expires_in_days",
    };
    let fix = match refusal {
        ExpiryRefusal::Past => "give a later moment".into(),
        ExpiryRefusal::TooLong { max_days } => format!("ask for at most {max_days} days"),
        ExpiryRefusal::NeverForbidden => "give `expires_in_days`".into(),
    };
    Detail::new(path, refusal.to_string(), fix)
}
