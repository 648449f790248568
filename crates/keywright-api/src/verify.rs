//! Checks on the wire: the question, borrowed from the body, and the answer, printed from what the
//! engine holds, because this is the hot path.

mod answer;
mod permissions;
mod signed;

pub use answer::{
    ALLOWED, BatchAnswer, LimitBody, Refusal, StepBody, VerifiedKey, VerifiedOwner, VerifyAnswer,
    WarningBody,
};
pub use permissions::Permissions;
pub use signed::{Headers, RequestSignature, SignedRequest};

use std::collections::BTreeMap;
use std::net::IpAddr;

use keywright_core::limit::MeterName;
use keywright_core::limits::METERS_MAX;
use keywright_core::permission::Expression;
use keywright_core::restriction::place::{Country, NetworkNumber};
use keywright_core::restriction::{Circumstances, parse_address};
use keywright_core::tenant::EnvironmentName;
use keywright_core::verify::PresentedIn;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::error::{Detail, Problems};
use crate::field;
use crate::json::Object;
use crate::limit;
use crate::names::KeyPlace;
use crate::text::Text;

/// Checks in one batch call.
pub const BATCH_MAX: usize = 1_000;
/// What edge networks send for "not known" and for Tor, which are no countries.
const NO_COUNTRY: [&str; 3] = ["", "XX", "T1"];

/// May this key do this, now? All but `key` may be left out, and `key` too when the request is signed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest<'a> {
    /// The presented key; of a pair, its public part. Of a signed request, the `keyid` where it is left out.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, format = Password, max_length = 4096)]
    pub key: Option<Text<'a>>,
    /// The presented secret of a pair.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, format = Password)]
    pub secret: Option<Text<'a>>,
    /// The signature of the original request, of a pair with request signing.
    #[serde(borrow, default)]
    #[schema(value_type = Option<RequestSignature>)]
    pub signature: Option<Object<RequestSignature<'a>>>,
    /// The environment in which the key must work.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>, example = "production")]
    pub environment: Option<Text<'a>>,
    /// Where in the original request the key stood; left out = `header`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<KeyPlace>)]
    pub presented_in: Option<Text<'a>>,
    /// The permissions that the operation needs: an expression, `any_of` or `all_of`.
    #[serde(borrow, default)]
    pub permissions: Option<Permissions<'a>>,
    /// What the caller knows of the original request.
    #[serde(borrow, default)]
    #[schema(value_type = Option<OriginalRequest>)]
    pub request: Option<Object<OriginalRequest<'a>>>,
    /// How many requests and credits this one counts for.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000, default = 1)]
    pub cost: Option<u64>,
    /// What it takes from meters, to three decimals, such as `{"cpu_seconds": 0.2}`.
    #[serde(default)]
    pub meters: Option<BTreeMap<String, f64>>,
    /// Adds every step of the decision to the answer.
    #[serde(default)]
    pub explain: bool,
    /// Decides without leaving a trace in `last_used` and without taking from limits.
    #[serde(default)]
    pub dry_run: bool,
}

/// What the caller of a check knows of the request that carried the key.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginalRequest<'a> {
    /// HTTP method.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "GET")]
    pub method: Option<Text<'a>>,
    /// Path.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "/users")]
    pub path: Option<Text<'a>>,
    /// Host.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "api.example.com")]
    pub host: Option<Text<'a>>,
    /// The whole URL, as the client signed it; for signed requests.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "https://api.example.com/users?page=2")]
    pub target_uri: Option<Text<'a>>,
    /// Header fields; for signed requests.
    #[serde(borrow)]
    pub headers: Option<Headers<'a>>,
    /// The client's address.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "203.0.113.7")]
    pub ip: Option<Text<'a>>,
    /// The `Referer` header.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "https://app.example.com/")]
    pub referrer: Option<Text<'a>>,
    /// The `Origin` header; for referrer rules it comes before `referrer`.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "https://app.example.com")]
    pub origin: Option<Text<'a>>,
    /// The client's country (ISO 3166-1 alpha-2); without it, it is looked up by `ip`.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "DE")]
    pub country: Option<Text<'a>>,
    /// The number of the client's network (AS number); without it, it is looked up by `ip`.
    #[schema(example = 64496)]
    pub asn: Option<u32>,
    /// The package of the Android app that asks (`X-Android-Package`).
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "com.example.app")]
    pub android_package: Option<Text<'a>>,
    /// The SHA-1 fingerprint of the certificate that signed it (`X-Android-Cert`).
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709")]
    pub android_cert_sha1: Option<Text<'a>>,
    /// The iOS app that asks (`X-Ios-Bundle-Identifier`).
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "com.example.app")]
    pub ios_bundle: Option<Text<'a>>,
    /// The `User-Agent` header.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, example = "curl/8")]
    pub user_agent: Option<Text<'a>>,
    /// Size of its body.
    pub bytes: Option<u64>,
}

/// Several checks in one call; the answers stand in the same order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest<'a> {
    /// The checks.
    #[serde(borrow)]
    #[schema(value_type = Vec<VerifyRequest>, min_items = 1, max_items = 1000)]
    pub checks: Vec<Object<VerifyRequest<'a>>>,
}

impl BatchRequest<'_> {
    /// Whether there is at least one check, and no more than [`BATCH_MAX`].
    ///
    /// # Errors
    /// When not.
    pub fn validate(&self) -> Result<(), Vec<Detail>> {
        if (1..=BATCH_MAX).contains(&self.checks.len()) {
            return Ok(());
        }
        Err(vec![Detail::new(
            "checks",
            format!("has {} entries", self.checks.len()),
            format!("give 1 to {BATCH_MAX}"),
        )])
    }
}

/// What a [`VerifyRequest`] asks, apart from the key itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The environment in which the key must work.
    pub environment: Option<EnvironmentName>,
    /// Where in the original request the key stood.
    pub presented_in: PresentedIn,
    /// The permissions that the operation needs.
    pub permissions: Option<Expression>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// Requests and credits.
    pub cost: u64,
    /// Bytes of the body.
    pub bytes: u64,
    /// Thousandths of meters.
    pub meters: Vec<(MeterName, u64)>,
    /// The client's country.
    pub country: Option<Country>,
    /// The client's network.
    pub network: Option<NetworkNumber>,
}

/// The most that one check may cost: more is a mistake.
pub const COST_MAX: u64 = 1_000_000;

impl VerifyRequest<'_> {
    /// Reads the question. The key itself is not judged here: a malformed one is a refusal, not an error.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(&self) -> Result<Question, Vec<Detail>> {
        let mut problems = Problems::new();
        self.check_signed(&mut problems);
        let environment = field::parsed(
            "environment",
            self.environment.as_ref().map(Text::as_str),
            str::parse::<EnvironmentName>,
            "give the environment's name, such as `production`",
            &mut problems,
        );
        let presented_in = field::one_of(
            "presented_in",
            self.presented_in.as_ref().map(Text::as_str),
            PresentedIn::ALL,
            PresentedIn::as_str,
            &mut problems,
        );
        let permissions = self
            .permissions
            .as_ref()
            .and_then(|wanted| wanted.expression(&mut problems));
        let request = self.request.as_ref().map(|Object(request)| request);
        let address = field::parsed(
            "request.ip",
            request
                .and_then(|request| request.ip.as_ref())
                .map(Text::as_str),
            |text| parse_address(text).ok_or("is not an IPv4 or IPv6 address"),
            "give one IPv4 or IPv6 address, without a port",
            &mut problems,
        );
        let country = field::parsed(
            "request.country",
            request
                .and_then(|request| request.country.as_ref())
                .map(Text::as_str)
                .filter(|code| !NO_COUNTRY.contains(code)),
            str::parse::<Country>,
            "give the ISO 3166-1 alpha-2 code, or leave it out when it is not known",
            &mut problems,
        );
        let network = request
            .and_then(|request| request.asn)
            .and_then(NetworkNumber::new);
        let cost = self.cost.unwrap_or(1);
        if cost > COST_MAX {
            let fix = format!("give at most {COST_MAX}");
            problems.add("cost", "is more than one check can cost", fix);
        }
        let meters = self.meters(&mut problems);
        problems.finish(Question {
            environment,
            presented_in: presented_in.unwrap_or_default(),
            permissions,
            address,
            country,
            network,
            cost,
            bytes: request.and_then(|request| request.bytes).unwrap_or(0),
            meters,
        })
    }

    fn meters(&self, problems: &mut Problems) -> Vec<(MeterName, u64)> {
        let meters = self.meters.iter().flatten();
        if self.meters.as_ref().is_some_and(|it| it.len() > METERS_MAX) {
            let fix = format!("give at most {METERS_MAX}");
            problems.add("meters", "has too many entries", fix);
            return Vec::new();
        }
        meters
            .filter_map(|(name, amount)| {
                let path = format!("meters.{name}");
                let fix = "use the name of a meter, such as `cpu_seconds`";
                let name = field::parsed(&path, Some(name), str::parse, fix, problems);
                let amount = limit::milli(&path, *amount, problems);
                name.zip(amount)
            })
            .collect()
    }

    /// What the client says of itself, for the restrictions of the key.
    #[must_use]
    pub fn circumstances(&self, question: &Question) -> Circumstances<'_> {
        let request = self.request.as_ref().map(|Object(request)| request);
        let mut told = Circumstances {
            country: question.country,
            network: question.network,
            ..Circumstances::default()
        };
        if let Some(request) = request {
            told.origin = request.origin.as_ref().map(Text::as_str);
            told.referrer = request.referrer.as_ref().map(Text::as_str);
            told.android_package = request.android_package.as_ref().map(Text::as_str);
            told.android_certificate = request.android_cert_sha1.as_ref().map(Text::as_str);
            told.ios_bundle = request.ios_bundle.as_ref().map(Text::as_str);
        }
        told
    }
}

#[cfg(test)]
mod tests;
