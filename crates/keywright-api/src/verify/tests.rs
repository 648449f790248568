//! What a check may ask and what it answers, to the letter.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use keywright_core::denial::Denial;
use keywright_core::id::KeyId;
use keywright_core::scope::Grant;
use keywright_core::tenant::Slug;
use keywright_core::time::Timestamp;
use keywright_core::verify::{Rule, Step, Warning};

use super::*;
use crate::json;

fn ask(body: &str) -> Result<Question, Vec<Detail>> {
    json::parse_flat::<VerifyRequest<'_>>(body.as_bytes())
        .unwrap()
        .validate()
}

fn refused(body: &str) -> Detail {
    json::parse_flat::<VerifyRequest<'_>>(body.as_bytes())
        .unwrap_err()
        .detail
}

#[test]
fn the_key_alone_is_a_question() {
    let request: VerifyRequest<'_> = json::parse_flat(br#"{"key":"kw_live_x"}"#).unwrap();
    assert_eq!(request.key.as_ref().map(Text::as_str), Some("kw_live_x"));
    assert!(request.secret.is_none() && !request.explain && !request.dry_run);
    let usual = Question {
        cost: 1,
        ..Question::default()
    };
    assert_eq!(request.validate(), Ok(usual));
}

#[test]
fn every_field_of_a_question_is_understood() {
    let question = ask(
        r#"{"key":"k","secret":null,"environment":"production","presented_in":"query","permissions":"api:read AND users:manage",
            "request":{"method":"GET","path":"/users","host":"api.example.com","ip":"203.0.113.7",
                       "referrer":"https://app.example.com/","user_agent":"curl/8","bytes":17},
            "cost":3,"meters":{"cpu_seconds":0.25},"explain":true,"dry_run":false}"#,
    )
    .unwrap();
    assert_eq!(question.environment.unwrap().as_str(), "production");
    assert_eq!(question.presented_in, PresentedIn::Query);
    assert_eq!(
        question.permissions,
        "api:read AND users:manage".parse().ok()
    );
    assert_eq!(question.address, Some("203.0.113.7".parse().unwrap()));
    assert_eq!((question.cost, question.bytes), (3, 17));
    assert_eq!(question.meters, [("cpu_seconds".parse().unwrap(), 250)]);
}

#[test]
fn a_cost_that_cannot_be_meant_is_refused_with_its_path() {
    for (body, path) in [
        (r#"{"key":"k","cost":1000001}"#, "cost"),
        (r#"{"key":"k","meters":{"Bad":1}}"#, "meters.Bad"),
        (r#"{"key":"k","meters":{"a":0.0001}}"#, "meters.a"),
        (r#"{"key":"k","meters":{"a":-1}}"#, "meters.a"),
    ] {
        let details = ask(body).unwrap_err();
        assert_eq!(details.first().unwrap().path, path, "{body}");
    }
}

#[test]
fn permissions_come_as_text_or_as_lists() {
    let permissions = |json: &str| {
        ask(&format!(r#"{{"key":"k","permissions":{json}}}"#)).map(|question| question.permissions)
    };
    let scopes = || vec!["a:b".parse().unwrap(), "c:d".parse().unwrap()];
    let any_of = Expression::any_of(scopes()).unwrap();
    assert_eq!(
        permissions(r#"{"any_of":["a:b","c:d"]}"#).unwrap(),
        Some(any_of)
    );
    let all_of = Expression::all_of(scopes()).unwrap();
    assert_eq!(
        permissions(r#"{"all_of":["a:b","c:d"]}"#).unwrap(),
        Some(all_of)
    );
    assert_eq!(permissions("null").unwrap(), None);
    let path = |json: &str| permissions(json).unwrap_err().first().unwrap().path.clone();
    assert_eq!(path(r#"{"any_of":[]}"#), "permissions.any_of");
    assert_eq!(path(r#"{"all_of":["a:b",""]}"#), "permissions.all_of[1]");
    assert_eq!(path(r#""a:b AND""#), "permissions");
}

#[test]
fn what_is_no_question_is_refused_with_its_path() {
    let check = |body: &str, path: &str, problem: &str| {
        let detail = refused(body);
        assert_eq!(
            (detail.path.as_str(), detail.problem.as_str()),
            (path, problem),
            "{body}"
        );
    };
    check(r#"{"key":1}"#, "key", "is not a string");
    check(
        r#"{"key":"a","key":"b"}"#,
        "$",
        "the field `key` stands twice",
    );
    check(
        r#"{"key":"a","costs":1}"#,
        "costs",
        "the field `costs` is not known",
    );
    check(
        r#"{"key":"a","request":["GET"]}"#,
        "request",
        "is not an object",
    );
    check(
        r#"{"key":"a","request":{"x":1}}"#,
        "request.x",
        "the field `x` is not known",
    );
    let either = "is not a string, or an object with either `any_of` or `all_of`";
    check(
        r#"{"key":"a","permissions":["a:b"]}"#,
        "permissions",
        either,
    );
    let both = "needs either `any_of` or `all_of`";
    check(
        r#"{"key":"a","permissions":{"any_of":[],"all_of":[]}}"#,
        "permissions",
        both,
    );
    check(r#"{"key":"a","permissions":{}}"#, "permissions", both);
    assert_eq!(refused(r#"["a"]"#).problem, "is not an object");
}

#[test]
fn every_problem_of_a_question_is_named() {
    let details =
        ask(r#"{"key":"k","environment":"NO","permissions":"(","request":{"ip":"10.0.0.1:80"}}"#)
            .unwrap_err();
    let paths: Vec<&str> = details.iter().map(|detail| detail.path.as_str()).collect();
    assert_eq!(paths, ["environment", "permissions", "request.ip"]);
}

#[test]
fn debug_shows_neither_the_key_nor_its_secret() {
    let request: VerifyRequest<'_> =
        json::parse_flat(br#"{"key":"kw_live_hunter","secret":"hunter2"}"#).unwrap();
    assert!(!format!("{request:?}").contains("hunter"));
}

#[test]
fn a_batch_has_one_to_a_thousand_checks() {
    let batch = |count: usize| {
        let body = format!(
            r#"{{"checks":[{}]}}"#,
            vec![r#"{"key":"k"}"#; count].join(",")
        );
        json::parse_flat::<BatchRequest<'_>>(body.as_bytes())
            .unwrap()
            .validate()
            .is_ok()
    };
    assert_eq!([0, 1, 1_000, 1_001].map(batch), [false, true, true, false]);
    let error = json::parse_flat::<BatchRequest<'_>>(br#"{"checks":[{"key":"k"},1]}"#).unwrap_err();
    assert_eq!(error.detail.path, "checks[1]");
}

fn key<'a>(
    slug: &'a Slug,
    environment: &'a EnvironmentName,
    scopes: &'a [Grant],
) -> VerifiedKey<'a> {
    VerifiedKey {
        key_id: "key-550e8400-e29b-41d4-a716-446655440000"
            .parse::<KeyId>()
            .unwrap(),
        name: Some("a \"b\""),
        tenant: slug,
        environment,
        owner: Some(VerifiedOwner {
            id: "user-550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
            email: Some("ada@example.com"),
        }),
        external_id: None,
        scopes,
        roles: &[],
        metadata: None,
        expires_at: Some(1_713_192_000),
    }
}

const KEY: &str = concat!(
    r#""key_id":"key-550e8400-e29b-41d4-a716-446655440000","name":"a \"b\"","tenant":"my-tenant","#,
    r#""environment":"production","owner":{"id":"user-550e8400-e29b-41d4-a716-446655440000","#,
    r#""email":"ada@example.com"},"external_id":null,"scopes":["api:read"],"roles":[],"#,
    r#""metadata":{},"expires_at":1713192000"#,
);

#[test]
fn an_allowed_key_is_answered_to_the_letter() {
    let (slug, environment) = ("my-tenant".parse().unwrap(), "production".parse().unwrap());
    let scopes = ["api:read".parse().unwrap()];
    let warning = Warning::ExpiresSoon {
        at: Timestamp::from_seconds(1_713_192_000).unwrap(),
    };
    let answer = VerifyAnswer::allowed(key(&slug, &environment, &scopes), Some(warning), "r1");
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        format!(
            r#"{{"valid":true,"code":"allowed",{KEY},"warnings":[{{"code":"expires_soon","expires_at":1713192000}}],"request_id":"r1"}}"#
        )
    );
}

#[test]
fn refusals_are_answered_to_the_letter() {
    let text = |answer: &VerifyAnswer<'_>| serde_json::to_string(answer).unwrap();
    assert_eq!(
        text(&VerifyAnswer::refused(Denial::InvalidKey, None, "r1")),
        r#"{"valid":false,"code":"invalid_key","status":401,"error":"invalid_token","error_description":"API key is not valid","warnings":[],"request_id":"r1"}"#
    );
    let (slug, environment) = ("my-tenant".parse().unwrap(), "production".parse().unwrap());
    let scopes = ["api:read".parse().unwrap()];
    let known = key(&slug, &environment, &scopes);
    assert_eq!(
        text(&VerifyAnswer::refused(Denial::Expired, Some(known), "r1")),
        format!(
            r#"{{"valid":false,"code":"expired","status":401,"error":"invalid_token","error_description":"API key has expired",{KEY},"warnings":[],"request_id":"r1"}}"#
        )
    );
    let lacking = VerifyAnswer::refused(Denial::InsufficientScope, Some(known), "r1")
        .lacking(&["api:write"], &scopes);
    assert_eq!(
        text(&lacking),
        format!(
            r#"{{"valid":false,"code":"insufficient_scope","status":403,"error":"insufficient_scope","error_description":"API key does not have required permissions","required":["api:write"],"granted":["api:read"],{KEY},"warnings":[],"request_id":"r1"}}"#
        )
    );
}

#[test]
fn an_explanation_lists_every_step() {
    let step = Step {
        rule: Rule::Find,
        passed: false,
        detail: "no such key".into(),
    };
    let answer = VerifyAnswer::refused(Denial::InvalidKey, None, "r1").explained(vec![step]);
    let text = serde_json::to_string(&answer).unwrap();
    assert!(
        text.contains(r#""steps":[{"rule":"find","passed":false,"detail":"no such key"}]"#),
        "{text}"
    );
}

#[test]
fn a_signed_request_says_what_was_signed_and_carries_no_secret() {
    let paths = |body: &str| -> Vec<String> {
        let problems = ask(body).unwrap_err();
        problems.into_iter().map(|detail| detail.path).collect()
    };
    let signature = r#""signature":{"signature_input":"i","signature":"s"}"#;
    let request =
        r#""request":{"method":"GET","target_uri":"https://h/","headers":{"Date":"d"},"bytes":0}"#;
    assert!(ask(&format!("{{{signature},{request}}}")).is_ok());
    assert_eq!(paths("{}"), ["key"]);
    assert_eq!(
        paths(&format!("{{{signature}}}")),
        ["request.method", "request.target_uri"]
    );
    assert_eq!(
        paths(&format!(r#"{{"secret":"s",{signature},{request}}}"#)),
        ["secret"]
    );
    let with_body = request.replace(":0", ":1");
    assert_eq!(
        paths(&format!("{{{signature},{with_body}}}")),
        ["signature.body_digest"]
    );
    let headers = |headers: &str| format!(r#"{{"key":"k","request":{{"headers":{headers}}}}}"#);
    assert_eq!(
        refused(&headers(r#"{"date":"1","Date":"2"}"#)).path,
        "request.headers"
    );
    let many = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!(r#""x-{n}":"""#)).collect();
        headers(&format!("{{{}}}", members.join(",")))
    };
    assert!(ask(&many(64)).is_ok());
    assert_eq!(refused(&many(65)).path, "request.headers");
}

#[test]
fn a_limit_is_told_in_whole_numbers_unless_it_is_a_meter() {
    let standing = |limit, remaining| keywright_core::limit::Standing {
        limit,
        remaining,
        reset_ms: Some(1_001),
        refusal: None,
    };
    let printed = |name: &str, standing| {
        let name = match name {
            "per_day" => {
                keywright_core::limit::RuleName::Requests(keywright_core::limit::Period::Day)
            }
            meter => keywright_core::limit::RuleName::Meter(meter.parse().unwrap()),
        };
        serde_json::to_string(&LimitBody::new(&name, &standing)).unwrap()
    };
    assert_eq!(
        printed("per_day", standing(100, 99)),
        r#"{"name":"per_day","limit":100,"remaining":99,"reset":2}"#
    );
    assert_eq!(
        printed("cpu_seconds", standing(2_500, 1_000)),
        r#"{"name":"meter:cpu_seconds","limit":2.5,"remaining":1,"reset":2}"#
    );
}
