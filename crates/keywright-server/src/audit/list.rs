//! `list_audit` of a tenant, and `list_platform_audit` of the whole installation.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use keywright_api::audit::AuditEntry;
use keywright_core::access::Permission;
use keywright_core::change::{Change, Event};
use keywright_core::id::TenantId;
use keywright_core::time::Timestamp;
use keywright_store::{AuditFilter, Page};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::caller::{Caller, InTenant};
use crate::error::{ApiError, ApiResult};
use crate::paging::Paging;
use crate::query::Query;

/// Filters of the audit trail.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ListAudit {
    /// An action, such as `revoke_key`.
    action: Option<String>,
    /// Identifier of a user or system key, or `operator`.
    actor: Option<String>,
    /// Identifier of what was changed.
    target: Option<String>,
    /// At this moment or later, in Unix seconds.
    from: Option<i64>,
    /// Before this moment, in Unix seconds.
    to: Option<i64>,
    /// The page, from 1.
    #[param(minimum = 1, maximum = 100_000)]
    page: Option<u32>,
    /// Rows of a page.
    #[param(minimum = 1, maximum = 200)]
    per_page: Option<u32>,
    /// Where to go on: the `X-Next-Cursor` of the page before.
    cursor: Option<String>,
}

/// Lists a tenant's audit trail, the newest first
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/audit", operation_id = "list_audit", tag = "audit",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"), ListAudit),
    responses((status = 200, body = Vec<AuditEntry>)),
)]
pub async fn list_audit(
    State(app): State<App>,
    context: InTenant,
    uri: Uri,
    Query(query): Query<ListAudit>,
) -> ApiResult<Response> {
    context.require(Permission::ReadAudit)?;
    page(&app, &context.caller, Some(context.tenant.id), &uri, query).await
}

/// Lists the audit trail of the whole installation, the newest first
///
/// For platform administrators.
#[utoipa::path(
    get, path = "/api/v1/audit", operation_id = "list_platform_audit", tag = "audit",
    params(ListAudit), responses((status = 200, body = Vec<AuditEntry>)),
)]
pub async fn list_platform_audit(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<ListAudit>,
) -> ApiResult<Response> {
    caller.require_platform()?;
    page(&app, &caller, None, &uri, query).await
}

async fn page(
    app: &App,
    caller: &Caller,
    tenant: Option<TenantId>,
    uri: &Uri,
    query: ListAudit,
) -> ApiResult<Response> {
    let list = format!(
        "audit {}",
        tenant.map(|tenant| tenant.to_string()).unwrap_or_default()
    );
    let filter = AuditFilter {
        tenant,
        from: moment("from", query.from)?,
        to: moment("to", query.to)?,
        action: query.action,
        actor: query.actor,
        target: query.target,
    };
    let first = query.cursor.is_none() && query.page.is_none_or(|page| page == 1);
    let paging = Paging {
        page: query.page,
        per_page: query.per_page,
        cursor: query.cursor,
    };
    let request = paging.request(app, &list, (), true)?;
    let found = app.store.audit_page(&filter, &request).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for record in &found.items {
        items.push(super::shown(app, record).await?);
    }
    if first {
        // Once for a reading, not for each page of it.
        let event = Event {
            action: "list_audit",
            tenant,
            target: None,
            success: true,
        };
        app.change(&caller.actor(app).await?, &[Change::Event(event)])
            .await?;
    }
    let page = Page {
        items,
        total: found.total,
        next: found.next,
    };
    Ok(paging.answer(app, &list, uri, &page, AuditEntry::clone))
}

fn moment(path: &str, seconds: Option<i64>) -> ApiResult<Option<Timestamp>> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    let found = Timestamp::from_seconds(seconds);
    found.map(Some).ok_or_else(|| {
        let fix = "give Unix seconds between 0 and 253402300799";
        ApiError::invalid_field(path, "is not a moment", fix)
    })
}
