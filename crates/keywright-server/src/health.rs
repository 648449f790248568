//! `get_health` and `get_readiness`: whether the process runs, and whether it can serve, with why not.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::health::{HealthBody, HealthCheck, HealthStatus};
use keywright_engine::lease::Standing;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::body::answer;

/// Every route of this module.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_health))
        .routes(routes!(get_readiness))
}

/// Says that the process runs
///
/// Asks nothing else: a process whose database is gone must not be restarted for it.
#[utoipa::path(
    get, path = "/healthz", operation_id = "get_health", tag = "operations",
    responses((status = 200, body = HealthBody)),
)]
pub async fn get_health() -> Response {
    answer(StatusCode::OK, &HealthBody::of(Vec::new()))
}

/// Says whether the server can serve, and why not
#[utoipa::path(
    get, path = "/readyz", operation_id = "get_readiness", tag = "operations",
    responses((status = 200, body = HealthBody), (status = 503, body = HealthBody)),
)]
pub async fn get_readiness(State(app): State<App>) -> Response {
    // The store gives up by itself, and learns from it.
    let problem = app.store.ping().await.err();
    let mut checks = vec![check("database", problem.map(|error| error.to_string()))];
    if app.node.is_some() {
        checks.push(check("lease", lease(app.engine.lease().standing())));
    }
    let body = HealthBody::of(checks);
    let status = match body.status {
        HealthStatus::Ok => StatusCode::OK,
        HealthStatus::Failing => StatusCode::SERVICE_UNAVAILABLE,
    };
    answer(status, &body)
}

/// What is wrong with the lease.
fn lease(standing: Standing) -> Option<String> {
    match standing {
        Standing::Held => None,
        Standing::Stale(_) => Some(format!(
            "lost {} seconds ago; keys are accepted as they were then",
            standing.stale_for_seconds()
        )),
        Standing::Lost => Some("lost; no key is accepted".to_owned()),
    }
}

fn check(name: &'static str, problem: Option<String>) -> HealthCheck {
    let status = if problem.is_none() {
        HealthStatus::Ok
    } else {
        HealthStatus::Failing
    };
    HealthCheck {
        name,
        status,
        detail: problem.map(Into::into),
    }
}
