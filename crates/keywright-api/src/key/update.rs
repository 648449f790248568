//! The bodies of `update_key` and `revoke_key`, and what they mean.

use keywright_core::key::{Attributes, Key};
use keywright_core::limit::Limits;
use keywright_core::limits::{
    DESCRIPTION_BYTES_MAX, EXTERNAL_ID_BYTES_MAX, GRANTS_MAX, KEY_ROLES_MAX, NAME_BYTES_MAX,
};
use keywright_core::policy::ExpiryWish;
use keywright_core::role::RoleName;
use keywright_core::scope::Grant;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::restrictions::{AndroidAppBody, Edit, TimeWindowBody};
use crate::error::{Detail, Problems};
use crate::field::{self, Lines};
use crate::json::Object;
use crate::limit::LimitsBody;
use crate::patch::Patch;

/// What to change of a key. A field that is left out stays; `null` empties it. Lists are replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateKey {
    /// Name for people.
    #[schema(value_type = Option<String>, max_length = 200)]
    #[serde(default)]
    pub name: Patch<String>,
    /// What the key is for, in a few sentences.
    #[schema(value_type = Option<String>, max_length = 2000)]
    #[serde(default)]
    pub description: Patch<String>,
    /// Scopes of the tenant's catalogue, or wildcards such as `users:*`.
    #[schema(value_type = Option<Vec<String>>, max_items = 200)]
    #[serde(default)]
    pub scopes: Patch<Vec<String>>,
    /// Roles of the tenant.
    #[schema(value_type = Option<Vec<String>>, max_items = 32)]
    #[serde(default)]
    pub roles: Patch<Vec<String>>,
    /// Labels.
    #[schema(value_type = Option<Vec<String>>, max_items = 32)]
    #[serde(default)]
    pub tags: Patch<Vec<String>>,
    /// A JSON object of yours, at most 16 KiB.
    #[schema(value_type = Option<Object>)]
    #[serde(default)]
    pub metadata: Patch<Box<RawValue>>,
    /// The end customer in your own system.
    #[schema(value_type = Option<String>, max_length = 256)]
    #[serde(default)]
    pub external_id: Patch<String>,
    /// Addresses and networks (CIDR) that may use the key; empty = all.
    #[schema(value_type = Option<Vec<String>>, max_items = 256)]
    #[serde(default)]
    pub ip_allow: Patch<Vec<String>>,
    /// Addresses and networks (CIDR) that may not.
    #[schema(value_type = Option<Vec<String>>, max_items = 256)]
    #[serde(default)]
    pub ip_deny: Patch<Vec<String>>,
    /// Web sites that may use the key: `example.com/*`, `*.example.com/*`; a port is named. Empty = no such rule.
    #[schema(value_type = Option<Vec<String>>, max_items = 256, example = json!(["https://app.example.com/*", "*.example.com/*"]))]
    #[serde(default)]
    pub referrers: Patch<Vec<String>>,
    /// Android apps that may use the key. One kind of client per key.
    #[schema(value_type = Option<Vec<AndroidAppBody>>, max_items = 256)]
    #[serde(default)]
    pub android_apps: Patch<Vec<Object<AndroidAppBody>>>,
    /// iOS apps (bundle identifiers) that may use the key.
    #[schema(value_type = Option<Vec<String>>, max_items = 256, example = json!(["com.example.app"]))]
    #[serde(default)]
    pub ios_bundles: Patch<Vec<String>>,
    /// Countries (ISO 3166-1 alpha-2) in which the key may be used; empty = all.
    #[schema(value_type = Option<Vec<String>>, max_items = 256, example = json!(["DE", "FR"]))]
    #[serde(default)]
    pub countries_allow: Patch<Vec<String>>,
    /// Countries in which it may not; they outrank `countries_allow`.
    #[schema(value_type = Option<Vec<String>>, max_items = 256)]
    #[serde(default)]
    pub countries_deny: Patch<Vec<String>>,
    /// Networks (AS numbers) from which the key may be used; empty = all.
    #[schema(value_type = Option<Vec<i64>>, max_items = 256, example = json!([64496]))]
    #[serde(default)]
    pub networks_allow: Patch<Vec<i64>>,
    /// Networks from which it may not; they outrank `networks_allow`.
    #[schema(value_type = Option<Vec<i64>>, max_items = 256)]
    #[serde(default)]
    pub networks_deny: Patch<Vec<i64>>,
    /// When the key may be used; empty = always.
    #[schema(value_type = Option<Vec<TimeWindowBody>>, max_items = 14)]
    #[serde(default)]
    pub time_windows: Patch<Vec<Object<TimeWindowBody>>>,
    /// The key rests until this moment, in Unix seconds, and works again by itself.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 253402300799_i64)]
    #[serde(default)]
    pub paused_until: Patch<i64>,
    /// Begin of life in Unix seconds.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 253402300799_i64)]
    #[serde(default)]
    pub not_before: Patch<i64>,
    /// End of life in Unix seconds; `null` = never, if the tenant's policy allows it.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 253402300799_i64)]
    #[serde(default)]
    pub expires_at: Patch<i64>,
    /// What the key may use, over what its plan says; replaced as a whole. For administrators.
    #[schema(value_type = Option<LimitsBody>)]
    #[serde(rename = "rateLimit", default)]
    pub rate_limit: Patch<Object<LimitsBody>>,
    /// The plan whose limits the key has. For administrators.
    #[schema(value_type = Option<String>)]
    #[serde(default)]
    pub plan: Patch<String>,
    /// End of life in days from now; 0 = never.
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 36500)]
    #[serde(default)]
    pub expires_in_days: Patch<i64>,
}

/// What an [`UpdateKey`] means for a key.
#[derive(Debug)]
pub struct KeyEdit {
    /// All attributes after the update.
    pub attributes: Attributes,
    /// Another end of life; `None` = as it is.
    pub expiry: Option<ExpiryWish>,
}

impl UpdateKey {
    /// Lays the update over `key`.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(mut self, key: &Key) -> Result<KeyEdit, Vec<Detail>> {
        let mut problems = Problems::new();
        let mut attributes = key.attributes.clone();
        let expiry = self.expiry(&mut problems);
        self.texts(&mut attributes, &mut problems);
        self.limits(&mut attributes, &mut problems);
        attributes.restrictions = self
            .restrictions(&mut problems)
            .over(key.attributes.restrictions.as_deref(), &mut problems);
        self.lists(&mut attributes, &mut problems);
        let end = match expiry {
            None => key.expires_at,
            Some(ExpiryWish::At(end)) => Some(end),
            // An end that counts from now is compared where `now` is known.
            Some(ExpiryWish::Default | ExpiryWish::Never | ExpiryWish::Days(_)) => None,
        };
        super::life(attributes.not_before, end, &mut problems);
        problems.finish(KeyEdit { attributes, expiry })
    }

    fn expiry(&self, problems: &mut Problems) -> Option<ExpiryWish> {
        match (&self.expires_at, &self.expires_in_days) {
            (Patch::Null, Patch::Missing) => Some(ExpiryWish::Never),
            (at, days) => {
                let at = at.as_ref().not_null("expires_at", problems).copied();
                let days = days.as_ref().not_null("expires_in_days", problems).copied();
                super::expiry_wish(days, at, problems)
            }
        }
    }

    fn texts(&self, attributes: &mut Attributes, problems: &mut Problems) {
        let fields = [
            (
                "name",
                &self.name,
                &mut attributes.name,
                NAME_BYTES_MAX,
                Lines::One,
            ),
            (
                "description",
                &self.description,
                &mut attributes.description,
                DESCRIPTION_BYTES_MAX,
                Lines::Many,
            ),
            (
                "external_id",
                &self.external_id,
                &mut attributes.external_id,
                EXTERNAL_ID_BYTES_MAX,
                Lines::One,
            ),
        ];
        for (path, patch, attribute, bytes_max, lines) in fields {
            match patch {
                Patch::Missing => {}
                Patch::Null => *attribute = None,
                Patch::Value(value) => {
                    *attribute = field::text(path, Some(value), bytes_max, lines, problems);
                }
            }
        }
        match &self.metadata {
            Patch::Missing => {}
            Patch::Null => attributes.metadata = None,
            Patch::Value(value) => {
                attributes.metadata = field::metadata("metadata", Some(value), problems);
            }
        }
        match self.not_before {
            Patch::Missing => {}
            Patch::Null => attributes.not_before = None,
            Patch::Value(begin) => {
                attributes.not_before = field::moment("not_before", begin, problems);
            }
        }
    }

    fn limits(&self, attributes: &mut Attributes, problems: &mut Problems) {
        match &self.rate_limit {
            Patch::Missing => {}
            Patch::Null => attributes.limits = Limits::default(),
            Patch::Value(Object(limits)) => {
                attributes.limits = limits.read("rateLimit", problems);
            }
        }
        match &self.plan {
            Patch::Missing => {}
            Patch::Null => attributes.plan = None,
            Patch::Value(plan) => attributes.plan = super::plan(Some(plan), problems),
        }
    }

    fn lists(self, attributes: &mut Attributes, problems: &mut Problems) {
        if let Some(values) = self.scopes.not_null("scopes", problems) {
            attributes.scopes =
                field::list("scopes", &values, GRANTS_MAX, str::parse::<Grant>, problems);
        }
        if let Some(values) = self.roles.not_null("roles", problems) {
            attributes.roles = field::list(
                "roles",
                &values,
                KEY_ROLES_MAX,
                str::parse::<RoleName>,
                problems,
            );
        }
        if let Some(values) = self.tags.not_null("tags", problems) {
            attributes.tags = super::tags(&values, problems);
        }
        if let Some(values) = self.ip_allow.not_null("ip_allow", problems) {
            attributes.addresses.allow = super::addresses("ip_allow", &values, problems);
        }
        if let Some(values) = self.ip_deny.not_null("ip_deny", problems) {
            attributes.addresses.deny = super::addresses("ip_deny", &values, problems);
        }
    }

    fn restrictions(&mut self, problems: &mut Problems) -> Edit {
        let mut texts = |path: &str, patch: &mut Patch<Vec<String>>| {
            std::mem::take(patch).not_null(path, problems)
        };
        let referrers = texts("referrers", &mut self.referrers);
        let ios_bundles = texts("ios_bundles", &mut self.ios_bundles);
        let countries_allow = texts("countries_allow", &mut self.countries_allow);
        let countries_deny = texts("countries_deny", &mut self.countries_deny);
        Edit {
            referrers,
            android_apps: std::mem::take(&mut self.android_apps).not_null("android_apps", problems),
            ios_bundles,
            countries_allow,
            countries_deny,
            networks_allow: std::mem::take(&mut self.networks_allow)
                .not_null("networks_allow", problems),
            networks_deny: std::mem::take(&mut self.networks_deny)
                .not_null("networks_deny", problems),
            time_windows: std::mem::take(&mut self.time_windows).not_null("time_windows", problems),
            paused_until: std::mem::take(&mut self.paused_until),
        }
    }
}

/// Why a key is revoked. The body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeKey {
    /// For the record.
    #[schema(max_length = 2000)]
    pub reason: Option<String>,
}

impl RevokeKey {
    /// The reason, trimmed.
    ///
    /// # Errors
    /// When it is too long or has control characters.
    pub fn validate(self) -> Result<Option<String>, Vec<Detail>> {
        let mut problems = Problems::new();
        let reason = field::text(
            "reason",
            self.reason.as_deref(),
            DESCRIPTION_BYTES_MAX,
            Lines::Many,
            &mut problems,
        );
        problems.finish(reason)
    }
}
