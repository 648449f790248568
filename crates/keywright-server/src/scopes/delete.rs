//! `delete_scope`: `DELETE /api/v1/tenant/{tenant}/scopes/{scope}`.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use keywright_api::answer::SuccessBody;
use keywright_api::code::Code;
use keywright_core::access::Permission;
use keywright_core::change::{Change, Edit};
use keywright_core::scope::{Catalogue, CatalogueEntry};

use crate::app::App;
use crate::body::answer;
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::path::PathParts;

/// Removes a scope from the catalogue
///
/// Refused while another scope implies it or a role grants it. A key that holds it keeps the word; what
/// it implied is gone at once.
#[utoipa::path(
    delete, path = "/api/v1/tenant/{tenant}/scopes/{scope}", operation_id = "delete_scope",
    tag = "scopes",
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("scope" = String, Path, description = "The scope")),
    responses((status = 200, body = SuccessBody)),
)]
pub async fn delete_scope(
    State(app): State<App>,
    context: InTenant,
    path: PathParts,
) -> ApiResult<Response> {
    context.require(Permission::WriteTenant)?;
    let entry = super::find(&app, context.tenant.id, path.get("scope")?).await?;
    refuse_if_needed(&app, &context, &entry).await?;
    let change = Change::Scope(context.tenant.id, Edit::delete(entry));
    app.change(&context.caller.actor(&app).await?, &[change])
        .await?;
    Ok(answer(StatusCode::OK, &SuccessBody::new("Scope deleted")))
}

async fn refuse_if_needed(app: &App, context: &InTenant, entry: &CatalogueEntry) -> ApiResult<()> {
    let conflict = |sentence: String| Err(ApiError::new(Code::Conflict).describe(sentence));
    let mut entries = app.store.scopes(context.tenant.id).await?;
    entries.retain(|other| other.scope != entry.scope);
    if let Err(problem) = Catalogue::new(entries) {
        return conflict(problem.to_string());
    }
    let roles = app.store.roles(context.tenant.id).await?;
    let granting = roles.iter().find(|role| {
        role.grants
            .iter()
            .any(|grant| grant.as_str() == entry.scope.as_str())
    });
    match granting {
        Some(role) => conflict(format!("the role `{}` grants it", role.name)),
        None => Ok(()),
    }
}
