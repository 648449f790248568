//! Every route on one page, and the OpenAPI document that follows from them.

use axum::Router;
use axum::response::{IntoResponse, Response};
use keywright_api::code::Code;
use keywright_api::error::ErrorBody;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, ResponseBuilder, SecurityRequirement,
};
use utoipa::{PartialSchema as _, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ApiError;
use crate::{
    audit, auth, checks, explorer, health, jwks, keys, plans, propagation, roles, scopes, secrets,
    signing_keys, tenants, users,
};

/// Operations that anybody may call.
const PUBLIC: [&str; 9] = [
    "sign_in",
    "refresh_session",
    "set_up",
    "accept_invitation",
    "get_health",
    "get_readiness",
    "get_jwks",
    "get_tenant_jwks",
    "get_openapi",
];

fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(keys::create::create_key))
        .routes(routes!(keys::list::list_keys))
        .routes(routes!(
            keys::get::get_key,
            keys::update::update_key,
            keys::delete::delete_key
        ))
        .routes(routes!(keys::revoke::revoke_key))
        .routes(routes!(keys::disable::disable_key))
        .routes(routes!(keys::enable::enable_key))
        .routes(routes!(
            keys::limits::get_key_limits,
            keys::limits::reset_key_limits
        ))
        .routes(routes!(checks::verify::verify_key))
        .routes(routes!(checks::verify_batch::verify_keys))
        .merge(auth::routes())
        .merge(users::routes())
        .merge(tenants::routes())
        .merge(scopes::routes())
        .merge(roles::routes())
        .merge(plans::routes())
        .merge(audit::routes())
        .merge(signing_keys::routes())
        .merge(secrets::routes())
        .merge(jwks::routes())
        .merge(health::routes())
}

/// The router that serves everything.
pub fn router(app: App) -> Router {
    let (router, document) = routes().split_for_parts();
    router
        .merge(explorer::routes(&finished(document)))
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .with_state(app)
}

/// The OpenAPI document, as it is served and as it stands in the repository.
#[must_use]
pub fn openapi() -> OpenApi {
    finished(routes().split_for_parts().1)
}

async fn no_such_route() -> Response {
    ApiError::not_found().into_response()
}

async fn no_such_method() -> Response {
    ApiError::new(Code::MethodNotAllowed).into_response()
}

/// Adds what every operation has: the error body, and the ways to authenticate.
fn finished(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("Keywright")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("API key management that a team runs itself."))
        .license(Some(
            LicenseBuilder::new()
                .name("Apache-2.0")
                .identifier(Some("Apache-2.0"))
                .build(),
        ))
        .build();
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    let mut nested = Vec::new();
    ErrorBody::schemas(&mut nested);
    components.schemas.extend(nested);
    components.add_security_scheme("bearer", bearer());
    components.add_security_scheme("basic", basic());
    components.add_security_scheme("api_key", header("X-API-Key"));
    let error = ResponseBuilder::new()
        .description("Any error; `code` says which")
        .content(
            "application/json",
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name(ErrorBody::name())))
                .build(),
        )
        .build();
    for item in document.paths.paths.values_mut() {
        for operation in [&mut item.post, &mut item.patch, &mut item.delete] {
            operation.iter_mut().for_each(propagation::document);
        }
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            operation
                .responses
                .responses
                .insert("default".into(), error.clone().into());
            let public = operation
                .operation_id
                .as_deref()
                .is_some_and(|id| PUBLIC.contains(&id));
            operation.security = Some(if public {
                Vec::new()
            } else {
                ["bearer", "basic", "api_key"]
                    .map(|name| SecurityRequirement::new(name, Vec::<String>::new()))
                    .to_vec()
            });
        }
    }
    document
}

fn bearer() -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let about = "A user's access token, or a system key with scopes `keywright:*`";
    SecurityScheme::Http(scheme.description(Some(about)).build())
}

fn basic() -> SecurityScheme {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Basic);
    let about = "A system key as the user; of a pair, with its secret as the password";
    SecurityScheme::Http(scheme.description(Some(about)).build())
}

fn header(name: &str) -> SecurityScheme {
    let about = "A system key; of a pair, with the secret in `X-API-Secret`";
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, about)))
}
