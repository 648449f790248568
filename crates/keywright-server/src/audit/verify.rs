//! `verify_audit` and `get_audit_head`: whether the trail is as it was written, and where it ends.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::audit::{AuditFault, AuditHead, AuditReport};
use keywright_core::audit::{Fault, checkpoint_text};
use keywright_seal::checkpoint::NoteSigner;
use keywright_seal::derive::Purpose;

use crate::app::App;
use crate::body::answer;
use crate::caller::Caller;
use crate::error::{ApiError, ApiResult};

/// Verifies the audit trail of the whole installation
///
/// Reads every leaf. For platform administrators.
#[utoipa::path(
    get, path = "/api/v1/audit/verify", operation_id = "verify_audit", tag = "audit",
    responses((status = 200, body = AuditReport)),
)]
pub async fn verify_audit(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    caller.require_platform()?;
    Ok(answer(
        StatusCode::OK,
        &report(&app.store.verify_audit().await?),
    ))
}

/// Shows where the audit trail ends
///
/// Keep checkpoint and verifier key elsewhere: a trail that was put back to an older state is only found by comparing.
#[utoipa::path(
    get, path = "/api/v1/audit/head", operation_id = "get_audit_head", tag = "audit",
    responses((status = 200, body = AuditHead)),
)]
pub async fn get_audit_head(State(app): State<App>, caller: Caller) -> ApiResult<Response> {
    caller.require_platform()?;
    let head = app.store.audit_head().await?;
    let signer = signer(&app)?;
    let text = checkpoint_text(signer.name(), head.size, &head.root);
    let body = AuditHead {
        size: head.size,
        root_hash: hex::encode(head.root),
        chain_hash: hex::encode(head.chain),
        checkpoint: signer.sign_note(&text).map_err(ApiError::internal)?,
        vkey: signer.vkey(),
    };
    Ok(answer(StatusCode::OK, &body))
}

/// Signs checkpoints, under the installation's own name and the current root key.
fn signer(app: &App) -> ApiResult<NoteSigner> {
    let url = &app.options.public_url;
    let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
    let seed = app.keyring.load().derive_current(Purpose::AuditSign);
    NoteSigner::from_seed(host, seed.as_slice()).map_err(ApiError::internal)
}

/// A report as it is shown.
#[must_use]
pub fn report(found: &keywright_store::AuditReport) -> AuditReport {
    let faults = found.report.faults.iter().map(|fault| {
        let (seq, problem) = match fault {
            Fault::Sequence { expected, found } => (
                Some(*found),
                format!("stands where entry {expected} should"),
            ),
            Fault::Chain { seq } => (Some(*seq), "does not continue the chain".to_owned()),
            Fault::Number { seq } => (Some(*seq), "says that it is another entry".to_owned()),
            Fault::Head => (
                None,
                "the trail does not end where its head says".to_owned(),
            ),
            Fault::HeadMac => (
                None,
                "the head is missing or was not written by this installation".to_owned(),
            ),
        };
        AuditFault { seq, problem }
    });
    let misfiled = found.misfiled.iter().map(|seq| AuditFault {
        seq: Some(*seq),
        problem: "is filed under what it does not say".to_owned(),
    });
    AuditReport {
        valid: found.is_sound(),
        entries: found.report.size,
        root_hash: hex::encode(found.report.root),
        faults: faults.chain(misfiled).collect(),
    }
}
