//! The answer of a check, borrowed from what the engine holds.

use std::fmt::Display;

use keywright_core::denial::Denial;
use keywright_core::id::{KeyId, UserId};
use keywright_core::key::Key;
use keywright_core::limit::{Retry, RuleName, Standing, Unit};
use keywright_core::role::RoleName;
use keywright_core::scope::Grant;
use keywright_core::tenant::{EnvironmentName, Slug};
use keywright_core::time::Timestamp;
use keywright_core::verify::{Step, Warning};
use serde::{Serialize, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::code::Code;
use crate::limit::{amount, from_milli};
use crate::text;

/// The answer of a check. HTTP answers 200 whatever it is: the caller asked and is told.
#[derive(Debug, Serialize)]
pub struct VerifyAnswer<'a> {
    /// Whether the key may pass.
    pub valid: bool,
    /// `allowed`, or the code of the refusal.
    pub code: &'static str,
    /// Why not.
    #[serde(flatten)]
    pub refusal: Option<Refusal>,
    /// The key; absent when it is unknown or its secret is wrong.
    #[serde(flatten)]
    pub key: Option<VerifiedKey<'a>>,
    /// How the key's limits stand after the check; absent when it has none, or an earlier rule refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitBody>,
    /// What the holder should know, though the key passed.
    #[serde(serialize_with = "warnings")]
    pub warnings: Option<Warning>,
    /// Every step of the decision, when `explain` was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepBody>>,
    /// Seconds since the server lost word of changes; absent when it has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_for: Option<u64>,
    /// Finds the check in the server's log.
    pub request_id: &'a str,
}

/// Why a key was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refusal {
    /// The HTTP status that an enforcement point answers.
    #[schema(example = 401)]
    pub status: u16,
    /// RFC 6750's value where it has one, else the code.
    #[schema(value_type = String, example = "invalid_token")]
    pub error: &'static str,
    /// A sentence for people.
    #[schema(value_type = String, example = "API key has expired")]
    pub error_description: &'static str,
    /// The scopes that were asked for; with `insufficient_scope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<Vec<String>>,
    /// The scopes that the key has; with `insufficient_scope`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<Vec<String>>,
    /// Seconds after which the same check would pass, when a limit or a pause refused it and it ever will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// How a limit stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = LimitState)]
pub struct LimitBody {
    /// Which limit, such as `per_second`.
    #[schema(example = "per_second")]
    pub name: String,
    /// The most that could ever be taken at once; of meters to three decimals.
    #[serde(serialize_with = "amount")]
    #[schema(example = 100)]
    pub limit: f64,
    /// What can be taken now.
    #[serde(serialize_with = "amount")]
    #[schema(example = 99)]
    pub remaining: f64,
    /// Seconds until more can be taken, rounded up; `null` = never.
    #[schema(example = 1)]
    pub reset: Option<u64>,
}

impl LimitBody {
    /// The limit of this name, as it stands.
    #[must_use]
    pub fn new(name: &RuleName, standing: &Standing) -> Self {
        let (limit, remaining) = (standing.limit, standing.remaining);
        let milli = name.unit() == Unit::Milli;
        #[expect(clippy::cast_precision_loss, reason = "limits stay below 2^53")]
        let shown = |amount: u64| {
            if milli {
                from_milli(amount)
            } else {
                amount as f64
            }
        };
        Self {
            name: name.to_string(),
            limit: shown(limit),
            remaining: shown(remaining),
            reset: standing.reset_ms.map(|wait| wait.div_ceil(1_000)),
        }
    }
}

/// What is told of a key that was found and proven.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct VerifiedKey<'a> {
    /// Identifier.
    #[serde(serialize_with = "text::shown")]
    #[schema(value_type = String)]
    pub key_id: KeyId,
    /// Name for people.
    #[schema(value_type = Option<String>)]
    pub name: Option<&'a str>,
    /// The tenant's slug.
    #[serde(serialize_with = "text::shown")]
    #[schema(value_type = String)]
    pub tenant: &'a Slug,
    /// Where it works.
    #[serde(serialize_with = "text::shown")]
    #[schema(value_type = String)]
    pub environment: &'a EnvironmentName,
    /// Whose it is.
    #[schema(value_type = Option<VerifiedOwner>)]
    pub owner: Option<VerifiedOwner<'a>>,
    /// The end customer in the operator's own system.
    #[schema(value_type = Option<String>)]
    pub external_id: Option<&'a str>,
    /// Scopes granted directly.
    #[serde(serialize_with = "grants")]
    #[schema(value_type = Vec<String>)]
    pub scopes: &'a [Grant],
    /// Roles.
    #[serde(serialize_with = "roles")]
    #[schema(value_type = Vec<String>)]
    pub roles: &'a [RoleName],
    /// A JSON object of the tenant.
    #[serde(serialize_with = "text::stored_object")]
    #[schema(value_type = Object)]
    pub metadata: Option<&'a str>,
    /// End of life in Unix seconds; `null` = never.
    pub expires_at: Option<i64>,
}

/// Whose a key is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct VerifiedOwner<'a> {
    /// Identifier of the user.
    #[serde(serialize_with = "text::shown")]
    #[schema(value_type = String)]
    pub id: UserId,
    /// The user's address.
    #[schema(value_type = Option<String>)]
    pub email: Option<&'a str>,
}

/// One step of a decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = VerifyStep)]
pub struct StepBody {
    /// The rule.
    #[schema(value_type = String, example = "status")]
    pub rule: &'static str,
    /// Whether the key passed it.
    pub passed: bool,
    /// What it looked at.
    #[schema(example = "the key is active")]
    pub detail: String,
}

/// Something that the holder of a key should know, though it passed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = VerifyWarning)]
pub struct WarningBody {
    /// Which warning.
    #[schema(value_type = String, example = "expires_soon")]
    pub code: &'static str,
    /// Unix seconds.
    pub expires_at: i64,
}

/// The answers of a batch, in the order of its checks.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchAnswer<'a> {
    /// One for each check.
    #[schema(value_type = Vec<VerifyAnswer>)]
    pub answers: Vec<VerifyAnswer<'a>>,
}

/// The code of a key that may pass.
pub const ALLOWED: &str = "allowed";

impl<'a> VerifyAnswer<'a> {
    /// The key may pass.
    #[must_use]
    pub const fn allowed(
        key: VerifiedKey<'a>,
        warning: Option<Warning>,
        request_id: &'a str,
    ) -> Self {
        Self {
            valid: true,
            code: ALLOWED,
            refusal: None,
            key: Some(key),
            limits: Vec::new(),
            warnings: warning,
            steps: None,
            stale_for: None,
            request_id,
        }
    }

    /// The key may not pass. `key` is told only when the caller proved to hold it.
    #[must_use]
    pub fn refused(denial: Denial, key: Option<VerifiedKey<'a>>, request_id: &'a str) -> Self {
        let code = Code::from(denial);
        Self {
            valid: false,
            code: code.as_str(),
            refusal: Some(Refusal {
                status: code.status(),
                error: code.error(),
                error_description: code.sentence(),
                required: None,
                granted: None,
                retry_after: None,
            }),
            key,
            limits: Vec::new(),
            warnings: None,
            steps: None,
            stale_for: None,
            request_id,
        }
    }

    /// The same, naming the scopes that were asked for and those that the key has.
    #[must_use]
    pub fn lacking(mut self, required: &[impl Display], granted: &[impl Display]) -> Self {
        if let Some(refusal) = &mut self.refusal {
            refusal.required = Some(required.iter().map(ToString::to_string).collect());
            refusal.granted = Some(granted.iter().map(ToString::to_string).collect());
        }
        self
    }

    /// The same, with how the limits stand, and when one that refused would not.
    #[must_use]
    pub fn limited(mut self, limits: Vec<LimitBody>, retry: Option<Retry>) -> Self {
        self.limits = limits;
        if let (Some(refusal), Some(Retry::AfterMs(wait))) = (&mut self.refusal, retry) {
            refusal.retry_after = Some(wait.div_ceil(1_000));
        }
        self
    }

    /// The same, saying after how many seconds it is worth trying again.
    #[must_use]
    pub const fn retrying(mut self, seconds: u64) -> Self {
        if let Some(refusal) = &mut self.refusal {
            refusal.retry_after = Some(seconds);
        }
        self
    }

    /// The same, from a server that lost word of changes so many seconds ago; 0 = it has it.
    #[must_use]
    pub fn stale_for(mut self, seconds: u64) -> Self {
        self.stale_for = (seconds > 0).then_some(seconds);
        self
    }

    /// The same, with every step of the decision.
    #[must_use]
    pub fn explained(mut self, steps: Vec<Step>) -> Self {
        self.steps = Some(steps.into_iter().map(StepBody::from).collect());
        self
    }
}

impl<'a> VerifiedKey<'a> {
    /// What is told of `key` of `tenant`, whose owner has this address.
    #[must_use]
    pub fn new(key: &'a Key, tenant: &'a Slug, owner_email: Option<&'a str>) -> Self {
        Self {
            key_id: key.id,
            name: key.attributes.name.as_deref(),
            tenant,
            environment: &key.environment,
            owner: key.owner.map(|id| VerifiedOwner {
                id,
                email: owner_email,
            }),
            external_id: key.attributes.external_id.as_deref(),
            scopes: &key.attributes.scopes,
            roles: &key.attributes.roles,
            metadata: key.attributes.metadata.as_deref(),
            expires_at: key.expires_at.map(Timestamp::seconds),
        }
    }
}

impl From<Step> for StepBody {
    fn from(step: Step) -> Self {
        Self {
            rule: step.rule.as_str(),
            passed: step.passed,
            detail: step.detail,
        }
    }
}

fn grants<S: Serializer>(values: &&[Grant], serializer: S) -> Result<S::Ok, S::Error> {
    text::list_shown(values, serializer)
}

fn roles<S: Serializer>(values: &&[RoleName], serializer: S) -> Result<S::Ok, S::Error> {
    text::list_shown(values, serializer)
}

/// A list of none or one.
fn warnings<S: Serializer>(warning: &Option<Warning>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(
        warning
            .iter()
            .map(|Warning::ExpiresSoon { at }| WarningBody {
                code: "expires_soon",
                expires_at: at.seconds(),
            }),
    )
}

/// Written by hand: the members of a flattened `Option` are optional one by one, which the derived
/// schema cannot say.
impl PartialSchema for VerifyAnswer<'_> {
    fn schema() -> RefOr<Schema> {
        let list_of = |name: &str| ArrayBuilder::new().items(Ref::from_schema_name(name));
        let code = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("`allowed`, or the code of the refusal."))
            .examples([ALLOWED]);
        let mut answer = ObjectBuilder::new()
            .description(Some(
                "The answer of a check; HTTP answers 200 whatever it is.",
            ))
            .property("valid", bool::schema())
            .required("valid")
            .property("code", code)
            .required("code");
        for part in [Refusal::schema(), VerifiedKey::schema()] {
            if let RefOr::T(Schema::Object(part)) = part {
                for (name, property) in part.properties {
                    answer = answer.property(name, property);
                }
            }
        }
        answer
            .property("limits", list_of("LimitState"))
            .property("warnings", list_of("VerifyWarning"))
            .required("warnings")
            .property("steps", list_of("VerifyStep"))
            .property("stale_for", u64::schema())
            .property("request_id", String::schema())
            .required("request_id")
            .into()
    }
}

impl ToSchema for VerifyAnswer<'_> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((WarningBody::name().into(), WarningBody::schema()));
        schemas.push((LimitBody::name().into(), LimitBody::schema()));
        schemas.push((StepBody::name().into(), StepBody::schema()));
        schemas.push((VerifiedOwner::name().into(), VerifiedOwner::schema()));
    }
}
