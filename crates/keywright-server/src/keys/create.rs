//! `create_key`: `POST /api/v1/tenant/{tenant}/api-keys/create`.

use axum::extract::State as AppState;
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use keywright_api::key::{CreateKey, CreatedKey, KeyBody, KeyView, NewKey};
use keywright_core::access::{Permission, Reach};
use keywright_core::change::Change;
use keywright_core::id::{KeyId, UserId};
use keywright_core::key::{Format, Key, Kind, State};
use keywright_core::time::Timestamp;
use keywright_engine::compiled::CompiledTenant;

use super::{issue, rules};
use crate::app::App;
use crate::body::{JsonBytes, answer};
use crate::caller::InTenant;
use crate::error::{ApiError, ApiResult};
use crate::idempotency::Attempt;
use crate::{etag, users};

/// Creates a key
///
/// The secret stands in this one answer and nowhere else. A repeated `Idempotency-Key` answers the
/// same key without it.
#[utoipa::path(
    post, path = "/api/v1/tenant/{tenant}/api-keys/create", operation_id = "create_key",
    tag = "keys", request_body = CreateKey,
    params(("tenant" = String, Path, description = "Slug or identifier of the tenant"),
           ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition harmless")),
    responses((status = 201, body = CreatedKey)),
)]
pub async fn create_key(
    AppState(app): AppState<App>,
    context: InTenant,
    headers: HeaderMap,
    body: JsonBytes,
) -> ApiResult<Response> {
    let reach = context.require(Permission::WriteKeys)?;
    let route = format!("create_key {}", context.tenant.id);
    let attempt = Attempt::begin(&app, &context.caller, &headers, &route, &body.0).await?;
    if let Attempt::Repeated(response) = attempt {
        return Ok(*response);
    }
    let wanted = body
        .parse::<CreateKey>()?
        .validate()
        .map_err(ApiError::invalid)?;
    let compiled = app
        .engine
        .tenant(context.tenant.id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let owner = owner(&app, &context, reach, wanted.owner).await?;
    let signing = wanted.request_signing;
    let (mut key, value) = draft(&app, &context, &compiled, wanted, owner)?;
    let issued = issue::issue(&app, &compiled, &key, value).await?;
    key.hint = issued.hint;
    let shown = KeyBody::new(
        &key,
        KeyView {
            owner_email: owner_email(&app, key.owner).await?.as_deref(),
            ..KeyView::default()
        },
        key.created_at,
    );
    let sealed = signing
        .then(|| issue::sealed(&app, &key, issued.secret.as_ref()))
        .transpose()?;
    let mut changes = vec![Change::Key {
        change: key.create(),
        credentials: Some(issued.credentials),
    }];
    changes.extend(sealed);
    let actor = context.caller.actor(&app).await?;
    let remembered = serde_json::to_vec(&shown).map_err(ApiError::internal)?;
    let created = StatusCode::CREATED;
    let once = attempt
        .idempotent()
        .map(|it| (it, created.as_u16(), remembered.as_slice()));
    app.change_once(&actor, &changes, once).await?;
    let mut response = answer(created, &shown.disclosing(issued.key, issued.secret));
    response.headers_mut().insert(header::ETAG, etag::of(1));
    Ok(response)
}

/// The key as it will be stored, but for its hint.
fn draft(
    app: &App,
    context: &InTenant,
    compiled: &CompiledTenant,
    wanted: NewKey,
    owner: Option<UserId>,
) -> ApiResult<(Key, Option<keywright_core::secret::Secret>)> {
    let tenant = &compiled.tenant;
    let now = app.now().whole_second();
    let format = wanted.format.unwrap_or(tenant.settings.default_format);
    let administrator = context.has(Permission::WriteTenant);
    if format == Format::Custom && !administrator {
        let sentence = "custom key values can be given by administrators only";
        return Err(ApiError::forbidden().describe(sentence));
    }
    if wanted.kind == Kind::System && !context.has(Permission::WriteKeys) {
        let sentence = "system keys can be made by administrators only";
        return Err(ApiError::forbidden().describe(sentence));
    }
    let (kind, purpose) = (wanted.kind, wanted.purpose);
    rules::check_grants(context, compiled, kind, purpose, &wanted.attributes)?;
    rules::check_plan(compiled, &wanted.attributes)?;
    let environment = rules::environment(tenant, wanted.environment)?;
    let expires_at = rules::expiry(tenant, wanted.expiry, wanted.purpose, &environment, now)?;
    let id = KeyId::new(app.now(), &mut app.entropy());
    let key = Key {
        id,
        tenant: tenant.id,
        lineage: id,
        format,
        kind: wanted.kind,
        purpose: wanted.purpose,
        hint: String::new(),
        environment,
        owner,
        attributes: wanted.attributes,
        created_at: now,
        expires_at,
        state: initial_state(wanted.active, now),
        version: 1,
    };
    Ok((key, wanted.value))
}

const fn initial_state(active: bool, now: Timestamp) -> State {
    if active {
        State::Active
    } else {
        State::Disabled { at: now }
    }
}

/// Whose the key will be: the caller's, or for administrators another member's.
async fn owner(
    app: &App,
    context: &InTenant,
    reach: Reach,
    wish: Option<UserId>,
) -> ApiResult<Option<UserId>> {
    let own = rules::own_user(&context.caller);
    match (wish, reach) {
        (None, _) => Ok(own),
        (Some(wish), _) if Some(wish) == own => Ok(own),
        (Some(wish), Reach::All) => {
            users::require_member(app, &context.tenant, wish, "owner").await?;
            Ok(Some(wish))
        }
        (Some(_), Reach::Own(_) | Reach::Nothing) => Err(ApiError::forbidden()
            .describe("keys for other users can be made by administrators only")),
    }
}

async fn owner_email(app: &App, owner: Option<UserId>) -> ApiResult<Option<String>> {
    let Some(owner) = owner else { return Ok(None) };
    Ok(app.store.user(owner).await?.map(|record| record.user.email))
}
