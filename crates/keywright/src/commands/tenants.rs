//! `keywright tenants`, `scopes`, `roles` and `signing-keys`: what a tenant is made of.

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;

use super::{PageArgs, Target};

/// What to do with tenants.
#[derive(Subcommand)]
pub(crate) enum Tenants {
    /// Lists tenants
    List {
        #[command(flatten)]
        page: PageArgs,
    },
    /// Shows the tenant with its settings
    Show,
    /// Creates a tenant
    Create {
        /// Short name for URLs
        slug: String,
        /// Name for people
        #[arg(long)]
        name: Option<String>,
    },
}

/// What to do with scopes.
#[derive(Subcommand)]
pub(crate) enum Scopes {
    /// Lists the catalogue
    List,
    /// Adds a scope
    Create {
        /// Such as `reports:read`
        scope: String,
        /// What it allows
        #[arg(long)]
        description: Option<String>,
        /// A scope that it implies; may be repeated
        #[arg(long = "implies", value_name = "SCOPE")]
        implies: Vec<String>,
    },
    /// Removes a scope
    Delete {
        /// The scope
        scope: String,
    },
}

/// What to do with roles.
#[derive(Subcommand)]
pub(crate) enum Roles {
    /// Lists roles
    List,
    /// Adds a role
    Create {
        /// Name
        name: String,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// A scope that it grants; may be repeated
        #[arg(long = "scope", value_name = "SCOPE")]
        scopes: Vec<String>,
    },
    /// Removes a role
    Delete {
        /// Name
        name: String,
    },
}

/// What to do with the keys that sign JWT keys.
#[derive(Subcommand)]
pub(crate) enum SigningKeys {
    /// Lists them
    List,
    /// Replaces the one that signs
    Rotate {
        /// Sign with the new one at once, after a leak
        #[arg(long)]
        immediately: bool,
    },
}

/// Does it.
pub(crate) async fn tenants(target: &Target, tenants: Tenants) -> anyhow::Result<()> {
    match tenants {
        Tenants::List { page } => {
            let columns = ["slug", "name", "suspended", "created_at", "id"];
            target
                .list(|_| "/api/v1/tenants".to_owned(), &page.query(), &columns)
                .await
        }
        Tenants::Show => {
            target
                .act(
                    Method::GET,
                    |api| format!("/api/v1/tenant/{}", api.tenant()),
                    None,
                )
                .await
        }
        Tenants::Create { slug, name } => {
            let name = name.unwrap_or_else(|| slug.clone());
            let body = json!({"slug": slug, "name": name});
            target
                .act(Method::POST, |_| "/api/v1/tenants".to_owned(), Some(&body))
                .await
        }
    }
}

/// Does it.
pub(crate) async fn scopes(target: &Target, scopes: Scopes) -> anyhow::Result<()> {
    match scopes {
        Scopes::List => {
            target
                .list(
                    |api| api.in_tenant("scopes"),
                    &[],
                    &["scope", "description", "implies"],
                )
                .await
        }
        Scopes::Create {
            scope,
            description,
            implies,
        } => {
            let body = json!({"scope": scope, "description": description, "implies": implies});
            target
                .act(Method::POST, |api| api.in_tenant("scopes"), Some(&body))
                .await
        }
        Scopes::Delete { scope } => {
            target
                .act(
                    Method::DELETE,
                    |api| api.in_tenant(&format!("scopes/{scope}")),
                    None,
                )
                .await
        }
    }
}

/// Does it.
pub(crate) async fn roles(target: &Target, roles: Roles) -> anyhow::Result<()> {
    match roles {
        Roles::List => {
            let columns = ["name", "description", "scopes", "builtin"];
            target
                .list(|api| api.in_tenant("roles"), &[], &columns)
                .await
        }
        Roles::Create {
            name,
            description,
            scopes,
        } => {
            let body = json!({"name": name, "description": description, "scopes": scopes});
            target
                .act(Method::POST, |api| api.in_tenant("roles"), Some(&body))
                .await
        }
        Roles::Delete { name } => {
            target
                .act(
                    Method::DELETE,
                    |api| api.in_tenant(&format!("roles/{name}")),
                    None,
                )
                .await
        }
    }
}

/// Does it.
pub(crate) async fn signing_keys(target: &Target, keys: SigningKeys) -> anyhow::Result<()> {
    let columns = [
        "kid",
        "algorithm",
        "status",
        "created_at",
        "activated_at",
        "retired_at",
    ];
    match keys {
        SigningKeys::List => {
            target
                .list(|api| api.in_tenant("signing-keys"), &[], &columns)
                .await
        }
        SigningKeys::Rotate { immediately } => {
            let path = format!("signing-keys/rotate?immediately={immediately}");
            target
                .act(Method::POST, |api| api.in_tenant(&path), None)
                .await
        }
    }
}
