//! The headers of responses, through a router.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::HashSet;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use tower::ServiceExt;

use super::*;

async fn page() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], "<p>")
}

async fn ask(settings: SecurityHeaders, request: Request<Body>) -> HeaderMap {
    let own = ([(CACHE_CONTROL, "max-age=300")], "{}");
    let id = |axum::Extension(id): axum::Extension<RequestId>| async move {
        (
            [
                ("x-seen-id", id.to_string()),
                ("x-current-id", current_request_id()),
            ],
            "{}",
        )
    };
    let router = Router::new()
        .route("/api", get(id))
        .route("/jwks", get(|| async move { own }))
        .route("/", get(page))
        .route("/docs/", get(page))
        .route("/docsother", get(page));
    settings
        .layer(router)
        .oneshot(request)
        .await
        .unwrap()
        .headers()
        .clone()
}

fn settings(behind_tls_proxy: bool) -> SecurityHeaders {
    SecurityHeaders {
        behind_tls_proxy,
        explorer_prefix: "/docs",
    }
}

fn to(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_response_has_the_headers_errors_too() {
    for path in ["/api", "/nowhere"] {
        let headers = ask(settings(false), to(path)).await;
        assert_eq!(text(&headers, "content-security-policy"), DATA_POLICY);
        assert_eq!(text(&headers, "cache-control"), "no-store");
        assert_eq!(text(&headers, "x-content-type-options"), "nosniff");
        assert_eq!(text(&headers, "referrer-policy"), "no-referrer");
        assert_eq!(
            text(&headers, "cross-origin-resource-policy"),
            "same-origin"
        );
        assert_eq!(text(&headers, "x-request-id").len(), 32);
    }
}

#[tokio::test]
async fn pages_get_the_policy_of_their_place() {
    for (path, policy) in [
        ("/", PAGE_POLICY),
        ("/docs/", EXPLORER_POLICY),
        ("/docsother", PAGE_POLICY),
    ] {
        let headers = ask(settings(false), to(path)).await;
        assert_eq!(text(&headers, "content-security-policy"), policy, "{path}");
        assert_eq!(text(&headers, "cross-origin-opener-policy"), "same-origin");
        assert!(text(&headers, "permissions-policy").contains("camera=()"));
    }
}

#[tokio::test]
async fn a_handlers_own_cache_rule_stands() {
    let headers = ask(settings(false), to("/jwks")).await;
    assert_eq!(text(&headers, "cache-control"), "max-age=300");
}

#[tokio::test]
async fn https_is_demanded_only_of_those_who_have_it() {
    let name = "strict-transport-security";
    assert_eq!(text(&ask(settings(false), to("/api")).await, name), "");
    assert!(text(&ask(settings(true), to("/api")).await, name).starts_with("max-age="));
    let mut over_tls = to("/api");
    over_tls.extensions_mut().insert(listen::OverTls);
    assert!(text(&ask(settings(false), over_tls).await, name).starts_with("max-age="));
}

#[tokio::test]
async fn a_sane_id_is_taken_over_and_any_other_replaced() {
    for (brought, taken) in [
        ("client-id.42_x", true),
        (&"a".repeat(8), true),
        (&"a".repeat(7), false),
        (&"a".repeat(64), true),
        (&"a".repeat(65), false),
        ("with space", false),
        ("semi;colon", false),
        ("\"quoted-id\"", false),
    ] {
        let mut request = to("/api");
        request
            .headers_mut()
            .insert(REQUEST_ID, brought.parse().unwrap());
        let headers = ask(settings(false), request).await;
        let answered = text(&headers, "x-request-id");
        assert_eq!(answered == brought, taken, "{brought}");
        assert_eq!(answered, text(&headers, "x-seen-id"));
        assert_eq!(answered, text(&headers, "x-current-id"));
    }
}

#[test]
fn generated_ids_never_repeat_and_do_not_count_up() {
    let ids: Vec<String> = (0..1000)
        .map(|_| RequestId::generate().to_string())
        .collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 1000);
    assert!(!ids.is_sorted());
    assert!(ids.iter().all(|id| id.len() == 32));
}
