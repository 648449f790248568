//! Makes the printed key of a new key: what is shown once, and the digests that are stored.

use keywright_api::code::Code;
use keywright_core::change::{Change, Credentials, SealedSecret};
use keywright_core::key::{Format, Key};
use keywright_core::secret::Secret;
use keywright_core::tenant::Tenant;
use keywright_core::token::digest::Pepper;
use keywright_core::token::jwt::{self, Claims};
use keywright_core::token::{custom, mask, opaque, pair};
use keywright_engine::compiled::CompiledTenant;
use keywright_engine::request_signing;

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::signing_keys;

/// A printed key, in the only moment in which it exists as text.
pub struct Issued {
    /// The key; of a pair, its public part.
    pub key: Secret,
    /// The secret of a pair.
    pub secret: Option<Secret>,
    /// What is stored.
    pub credentials: Credentials,
    /// The masked form.
    pub hint: String,
}

/// Prints `key`. `custom` is the value that an administrator supplied for [`Format::Custom`].
///
/// # Errors
/// A weak or missing custom value; trouble of the store or the signing key.
pub async fn issue(
    app: &App,
    tenant: &CompiledTenant,
    key: &Key,
    custom: Option<Secret>,
) -> ApiResult<Issued> {
    let settings = &tenant.tenant.settings;
    let tag = settings
        .environment(&key.environment)
        .map(|environment| environment.tag.clone())
        .ok_or_else(ApiError::not_found)?;
    let (shown, secret) = match key.format {
        Format::Opaque => (
            opaque::mint(&settings.opaque, &tag, &mut app.entropy()),
            None,
        ),
        Format::Pair => {
            let pair = pair::mint(&settings.opaque, &tag, &mut app.entropy());
            (pair.public, Some(pair.secret))
        }
        Format::Jwt => (jwt_key(app, tenant, key, tag.as_str()).await?, None),
        Format::Custom => (custom_key(custom)?, None),
    };
    let peppers = app.engine.peppers();
    Ok(digested(peppers.current(), shown, secret))
}

/// The secret of a new pair, sealed, so that requests signed with it can be checked.
///
/// # Errors
/// When there is no secret, or it cannot be sealed.
pub fn sealed(app: &App, key: &Key, secret: Option<&Secret>) -> ApiResult<Change> {
    let secret = secret.ok_or_else(|| {
        ApiError::invalid_field(
            "request_signing",
            "is only for keys of the format `pair`",
            "remove it, or leave `format` out",
        )
    })?;
    let keyring = app.keyring.load();
    let sealed = request_signing::seal(&keyring, key.tenant, key.id, secret.expose())
        .map_err(ApiError::internal)?;
    Ok(Change::RequestSigning(SealedSecret {
        tenant: key.tenant,
        key: key.id,
        sealed,
    }))
}

fn digested(pepper: &Pepper, key: Secret, secret: Option<Secret>) -> Issued {
    let credentials = Credentials {
        pepper: pepper.id(),
        lookup: pepper.digest(key.expose()),
        secret: secret.as_ref().map(|secret| pepper.digest(secret.expose())),
    };
    Issued {
        hint: mask::hint(key.expose()),
        key,
        secret,
        credentials,
    }
}

fn custom_key(value: Option<Secret>) -> ApiResult<Secret> {
    const PATH: &str = "api_key";
    let Some(value) = value else {
        let fix = "give the value, or leave out `format` to have one made";
        return Err(ApiError::invalid_field(
            PATH,
            "a custom key needs its value",
            fix,
        ));
    };
    custom::check(value.expose()).map_err(|weak| {
        ApiError::invalid_field(PATH, weak.to_string(), "use a longer random value")
    })?;
    Ok(value)
}

async fn jwt_key(app: &App, compiled: &CompiledTenant, key: &Key, tag: &str) -> ApiResult<Secret> {
    let tenant: &Tenant = &compiled.tenant;
    let signer = signing_keys::signer(app, tenant).await?;
    // The token states what the key may do when it is made, roles and implications included, so
    // that a verifier without a catalogue reads it right.
    let granted = stated_scopes(compiled, key);
    let scopes: Vec<&str> = granted.iter().map(String::as_str).collect();
    let id = key.id.to_string();
    let subject = key
        .owner
        .map_or_else(|| id.clone(), |owner| owner.to_string());
    let claims = Claims {
        subject: &subject,
        scopes: &scopes,
        key_id: &id,
        issuer: &app.options.public_url,
        issued_at: key.created_at.seconds(),
        expires_at: key.expires_at.map(|at| at.seconds()),
        audience: &tenant.settings.audience,
        environment_tag: tag,
        tenant: tenant.slug.as_str(),
        token_id: &id,
    };
    let input = jwt::signing_input(signer.algorithm(), signer.kid(), &claims);
    let signature = signer.sign(&input).map_err(ApiError::internal)?;
    jwt::assemble(&input, &signature)
        .map_err(|error| ApiError::new(Code::ValidationFailed).describe(error.to_string()))
}

/// The scopes as given, in their order, then what the roles add.
fn stated_scopes(compiled: &CompiledTenant, key: &Key) -> Vec<String> {
    let mut stated: Vec<String> = key
        .attributes
        .scopes
        .iter()
        .map(ToString::to_string)
        .collect();
    for grant in key
        .attributes
        .roles
        .iter()
        .flat_map(|role| compiled.role_grants(role))
    {
        let text = grant.to_string();
        if !stated.contains(&text) {
            stated.push(text);
        }
    }
    stated
}
