//! The API explorer: Swagger UI from the binary itself, for the OpenAPI document of the same binary.
//! It loads nothing from elsewhere, so it works without a network.

use axum::Router;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;

/// The explorer at `/docs`, and the document at `/openapi.json`.
pub fn routes(document: &OpenApi) -> Router<App> {
    let config = Config::new(["/openapi.json"])
        .try_it_out_enabled(true)
        .persist_authorization(false);
    SwaggerUi::new("/docs")
        .url("/openapi.json", document.clone())
        .config(config)
        .into()
}
