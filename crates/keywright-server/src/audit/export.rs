//! `export_audit` of the whole installation and `export_tenant_audit` of one tenant, a document a line.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_body_util::channel::{Channel, Sender};
use keywright_core::access::Permission;
use keywright_core::audit::leaf_hash;
use keywright_core::change::{Change, Event};
use keywright_core::id::TenantId;
use keywright_store::{AuditFilter, AuditRecord, PAGE_LIMIT_MAX, PageRequest, Start};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{Leaf, ocsf, shown};
use crate::app::App;
use crate::caller::{Caller, InTenant};
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// Leaves read at once.
const PAGE: u32 = 1_000;
/// Pages under way to the client.
const PAGES_WAITING: usize = 2;

/// The form of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Keywright's own: what the list shows, or for the whole installation the leaves with their
    /// hashes, so that they can be verified without this server.
    #[default]
    Native,
    /// Events of the Open Cybersecurity Schema Framework.
    Ocsf,
}

/// How to export.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ExportAudit {
    /// `native` or `ocsf`.
    format: Format,
}

/// Exports the audit trail of the whole installation
///
/// One JSON document a line: the number, the exact bytes of the leaf as text, its hash and the chain up
/// to it, so that the export can be verified without this server; or OCSF events with `format=ocsf`. For
/// platform administrators.
#[utoipa::path(
    get, path = "/api/v1/audit/export", operation_id = "export_audit", tag = "audit",
    params(ExportAudit),
    responses((status = 200, body = String, content_type = "application/x-ndjson")),
)]
pub async fn export_audit(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExportAudit>,
) -> ApiResult<Response> {
    caller.require_platform()?;
    export(app, &caller, Trail::Whole(query.format)).await
}

/// Exports a tenant's audit trail
///
/// One JSON document a line, the newest first, as `list_audit` shows them; or OCSF events with `format=ocsf`.
#[utoipa::path(
    get, path = "/api/v1/tenant/{tenant}/audit/export", operation_id = "export_tenant_audit", tag = "audit",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"), ExportAudit),
    responses((status = 200, body = String, content_type = "application/x-ndjson")),
)]
pub async fn export_tenant_audit(
    State(app): State<App>,
    context: InTenant,
    Query(query): Query<ExportAudit>,
) -> ApiResult<Response> {
    context.require(Permission::ReadAudit)?;
    let trail = Trail::Tenant(context.tenant.id, query.format);
    export(app, &context.caller, trail).await
}

/// What is exported.
#[derive(Clone, Copy)]
enum Trail {
    Whole(Format),
    Tenant(TenantId, Format),
}

async fn export(app: App, caller: &Caller, trail: Trail) -> ApiResult<Response> {
    let event = Event {
        action: "export_audit",
        tenant: match trail {
            Trail::Whole(_) => None,
            Trail::Tenant(tenant, _) => Some(tenant),
        },
        target: None,
        success: true,
    };
    app.change(&caller.actor(&app).await?, &[Change::Event(event)])
        .await?;
    let (mut sender, body) = Channel::<Bytes, ApiError>::new(PAGES_WAITING);
    // Ends by itself: at the end of the trail, or when the client is gone.
    #[expect(clippy::disallowed_methods, reason = "bound to the response's body")]
    tokio::spawn(async move {
        let sent = match trail {
            Trail::Whole(format) => send_whole(&app, format, &mut sender).await,
            Trail::Tenant(tenant, format) => send_tenant(&app, tenant, format, &mut sender).await,
        };
        if let Err(error) = sent {
            tracing::error!(error.cause = ?error, "an export of the audit trail broke off");
            sender.abort(error);
        }
    });
    let mut response = (StatusCode::OK, Body::new(body)).into_response();
    let lines = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, lines);
    Ok(response)
}

/// The oldest first, so that a verifier can follow the chain.
async fn send_whole(app: &App, format: Format, to: &mut Sender<Bytes, ApiError>) -> ApiResult<()> {
    let mut next = 0;
    loop {
        let leaves = app.store.audit_leaves(next, PAGE).await?;
        let mut lines = String::new();
        for record in &leaves {
            match format {
                Format::Native => add(&mut lines, &leaf(record)),
                Format::Ocsf => add(&mut lines, &event(app, record).await?),
            }
            next = record.seq.saturating_add(1);
        }
        let last = leaves.len() < PAGE as usize;
        if to.send_data(Bytes::from(lines)).await.is_err() || last {
            return Ok(());
        }
    }
}

async fn send_tenant(
    app: &App,
    tenant: TenantId,
    format: Format,
    to: &mut Sender<Bytes, ApiError>,
) -> ApiResult<()> {
    let filter = AuditFilter {
        tenant: Some(tenant),
        ..AuditFilter::default()
    };
    let mut request = PageRequest::newest((), PAGE_LIMIT_MAX);
    loop {
        let page = app.store.audit_page(&filter, &request).await?;
        let mut lines = String::new();
        for record in &page.items {
            match format {
                Format::Native => {
                    let entry = shown(app, record).await?;
                    add(
                        &mut lines,
                        &serde_json::to_value(entry).map_err(ApiError::internal)?,
                    );
                }
                Format::Ocsf => add(&mut lines, &event(app, record).await?),
            }
        }
        let gone = to.send_data(Bytes::from(lines)).await.is_err();
        match page.next {
            Some(next) if !gone => request.start = Start::After(next),
            _ => return Ok(()),
        }
    }
}

fn add(lines: &mut String, document: &serde_json::Value) {
    lines.push_str(&document.to_string());
    lines.push('\n');
}

fn leaf(record: &AuditRecord) -> serde_json::Value {
    serde_json::json!({
        "seq": record.seq,
        "leaf": String::from_utf8_lossy(&record.leaf),
        "leaf_hash": hex::encode(leaf_hash(&record.leaf)),
        "chain_hash": hex::encode(record.chain),
    })
}

async fn event(app: &App, record: &AuditRecord) -> ApiResult<serde_json::Value> {
    let time_ms = Leaf::read(record)?.at.as_millisecond();
    Ok(ocsf::event(&shown(app, record).await?, time_ms))
}
