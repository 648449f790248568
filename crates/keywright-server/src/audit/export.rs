//! `export_audit`: `GET /api/v1/audit/export`.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use http_body_util::channel::{Channel, Sender};
use keywright_core::audit::leaf_hash;
use keywright_core::change::{Change, Event};
use keywright_store::StoreError;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiResult;

/// Leaves read at once.
const PAGE: u32 = 1_000;
/// Pages under way to the client.
const PAGES_WAITING: usize = 2;

/// Exports the audit trail of the whole installation
///
/// One JSON document a line: the number, the exact bytes of the leaf as text, its hash and the chain up
/// to it, so that the export can be verified without this server. For platform administrators.
#[utoipa::path(
    get, path = "/api/v1/audit/export", operation_id = "export_audit", tag = "audit",
    responses((status = 200, body = String, content_type = "application/x-ndjson")),
)]
pub async fn export_audit(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    caller.require_platform()?;
    let event = Event {
        action: "export_audit",
        tenant: None,
        target: None,
        success: true,
    };
    app.change(&caller.actor(&app).await?, &[Change::Event(event)])
        .await?;
    let (sender, body) = Channel::<Bytes, StoreError>::new(PAGES_WAITING);
    // Ends by itself: at the end of the trail, or when the client is gone.
    #[expect(clippy::disallowed_methods, reason = "bound to the response's body")]
    tokio::spawn(send(app, sender));
    let mut response = (StatusCode::OK, Body::new(body)).into_response();
    let lines = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, lines);
    Ok(response)
}

async fn send(app: App, mut sender: Sender<Bytes, StoreError>) {
    let mut next = 0;
    loop {
        let leaves = match app.store.audit_leaves(next, PAGE).await {
            Ok(leaves) => leaves,
            Err(error) => {
                sender.abort(error);
                return;
            }
        };
        let mut lines = String::new();
        for record in &leaves {
            let line = serde_json::json!({
                "seq": record.seq,
                "leaf": String::from_utf8_lossy(&record.leaf),
                "leaf_hash": hex::encode(leaf_hash(&record.leaf)),
                "chain_hash": hex::encode(record.chain),
            });
            lines.push_str(&line.to_string());
            lines.push('\n');
            next = record.seq.saturating_add(1);
        }
        let last = leaves.len() < PAGE as usize;
        if sender.send_data(Bytes::from(lines)).await.is_err() || last {
            return;
        }
    }
}
