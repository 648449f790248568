//! `keywright keys`.

use std::io::Read;

use anyhow::Context;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::restrictions::Restrictions;
use super::{PageArgs, Target};
use crate::output;

/// The columns of a list.
const COLUMNS: [&str; 7] = [
    "name",
    "hint",
    "status",
    "owner",
    "created_at",
    "last_used",
    "id",
];

/// What to do with keys.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Creates a key and prints it: it is not shown again
    Create(Box<Create>),
    /// Lists keys
    List(List),
    /// Shows a key
    Show {
        /// Identifier
        id: String,
    },
    /// Changes a key; what is not given stays
    Update(Box<Update>),
    /// Ends a key for good
    Revoke {
        /// Identifier
        id: String,
        /// Why, for the audit
        #[arg(long)]
        reason: Option<String>,
    },
    /// Switches a key off
    Disable {
        /// Identifier
        id: String,
    },
    /// Switches a key on again
    Enable {
        /// Identifier
        id: String,
    },
    /// Removes a key for good
    Delete {
        /// Identifier
        id: String,
        /// Delete it though it was used in the last 24 hours
        #[arg(long)]
        confirm: bool,
    },
    /// Shows how the limits of a key stand
    Limits {
        /// Identifier
        id: String,
    },
    /// Forgets what was counted for a key
    ResetLimits {
        /// Identifier
        id: String,
    },
    /// Checks a key from standard input or `KEYWRIGHT_KEY`
    Verify(Verify),
}

/// A new key.
#[derive(Args)]
pub(crate) struct Create {
    /// Name for people
    #[arg(long)]
    name: Option<String>,
    /// A scope; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// A role; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Life in days; 0 = never ends
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
    /// `opaque`, `jwt`, `pair` or `custom` (the value comes from standard input)
    #[arg(long)]
    format: Option<String>,
    /// `application`, `user` or `system`
    #[arg(long)]
    kind: Option<String>,
    /// Such as `automation` or `temporary`
    #[arg(long)]
    purpose: Option<String>,
    /// Such as `production`
    #[arg(long)]
    environment: Option<String>,
    /// An address or network that may use it; may be repeated
    #[arg(long = "ip-allow", value_name = "CIDR")]
    ip_allow: Vec<String>,
    /// An address or network that may not; may be repeated
    #[arg(long = "ip-deny", value_name = "CIDR")]
    ip_deny: Vec<String>,
    #[command(flatten)]
    restrictions: Restrictions,
    /// A tag; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The end customer in your own system
    #[arg(long)]
    external_id: Option<String>,
    /// A plan of the tenant
    #[arg(long)]
    plan: Option<String>,
    /// Limits of its own, such as `{"requests": {"perDay": 100}}`
    #[arg(long, value_name = "JSON", value_parser = json_value)]
    limits: Option<Value>,
    /// Make a pair whose requests are signed with its secret; see `keywright sign`
    #[arg(long)]
    request_signing: bool,
    /// Print the key alone, for a pipe into a secret store (a pair: key and secret, a line each)
    #[arg(long, short)]
    quiet: bool,
}

/// Filters of a list.
#[derive(Args)]
pub(crate) struct List {
    /// Found in name, hint, tags and external id, or the beginning of an identifier
    #[arg(long)]
    search: Option<String>,
    /// `active`, `disabled`, `revoked`, `expired` or `pending`
    #[arg(long)]
    status: Option<String>,
    /// An environment
    #[arg(long)]
    environment: Option<String>,
    /// `created_at`, `name`, `last_used` or `expires_at`; `-` in front for descending
    #[arg(long, allow_hyphen_values = true)]
    sort: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

/// A change of a key.
#[derive(Args)]
pub(crate) struct Update {
    /// Identifier
    id: String,
    /// Another name
    #[arg(long)]
    name: Option<String>,
    /// These scopes instead; may be repeated
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// These roles instead; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Another life, in days from now; 0 = never ends
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u32>,
    /// These networks instead; may be repeated
    #[arg(long = "ip-allow", value_name = "CIDR")]
    ip_allow: Vec<String>,
    /// Another plan
    #[arg(long)]
    plan: Option<String>,
    /// Other limits of its own, as JSON; `null` = none
    #[arg(long, value_name = "JSON", value_parser = json_value)]
    limits: Option<Value>,
    #[command(flatten)]
    restrictions: Restrictions,
    /// Let it rest until this moment, in Unix seconds; 0 = end the pause
    #[arg(long, value_name = "SECONDS")]
    paused_until: Option<u64>,
}

/// A check.
#[derive(Args)]
pub(crate) struct Verify {
    /// Such as `api:read AND (users:manage OR admin:all)`
    #[arg(long)]
    permissions: Option<String>,
    /// The environment in which the key must work
    #[arg(long)]
    environment: Option<String>,
    /// The client's address
    #[arg(long)]
    ip: Option<String>,
    /// Show every step of the decision
    #[arg(long)]
    explain: bool,
}

/// Does it. Answers whether a check passed; everything else that succeeds passes.
pub(crate) async fn run(target: &Target, keys: Keys) -> anyhow::Result<bool> {
    let one = |id: &str, verb: &str| {
        let path = format!("api-keys/{id}{verb}");
        move |api: &crate::client::Api| api.in_tenant(&path)
    };
    match keys {
        Keys::Create(wish) => create(target, *wish).await?,
        Keys::List(wish) => {
            let mut query = wish.page.query();
            for (name, value) in [
                ("search", wish.search),
                ("status", wish.status),
                ("environment", wish.environment),
                ("sort", wish.sort),
            ] {
                query.extend(value.map(|value| (name, value)));
            }
            target
                .list(|api| api.in_tenant("api-keys/list"), &query, &COLUMNS)
                .await?;
        }
        Keys::Show { id } => target.act(Method::GET, one(&id, ""), None).await?,
        Keys::Update(wish) => {
            let body = update_body(&wish)?;
            target
                .act(Method::PATCH, one(&wish.id, ""), Some(&body))
                .await?;
        }
        Keys::Revoke { id, reason } => {
            let body = json!({"reason": reason});
            target
                .act(Method::POST, one(&id, "/revoke"), Some(&body))
                .await?;
        }
        Keys::Disable { id } => target.act(Method::POST, one(&id, "/disable"), None).await?,
        Keys::Enable { id } => target.act(Method::POST, one(&id, "/enable"), None).await?,
        Keys::Delete { id, confirm } => {
            let verb = if confirm { "?confirm=true" } else { "" };
            target.act(Method::DELETE, one(&id, verb), None).await?;
        }
        Keys::Limits { id } => target.act(Method::GET, one(&id, "/limits"), None).await?,
        Keys::ResetLimits { id } => {
            target
                .act(Method::DELETE, one(&id, "/limits"), None)
                .await?;
        }
        Keys::Verify(wish) => return verify(target, wish).await,
    }
    Ok(true)
}

async fn create(target: &Target, wish: Create) -> anyhow::Result<()> {
    let mut body = Map::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), Value::String(value));
        }
    };
    put("name", wish.name);
    put("kind", wish.kind);
    put("purpose", wish.purpose);
    put("environment", wish.environment);
    put("external_id", wish.external_id);
    put("plan", wish.plan);
    if wish.format.as_deref() == Some("custom") {
        put("api_key", Some(from_outside("KEYWRIGHT_KEY")?));
    }
    put("format", wish.format);
    if wish.request_signing {
        body.insert("request_signing".to_owned(), json!(true));
    }
    for (name, values) in [
        ("scopes", wish.scopes),
        ("roles", wish.roles),
        ("ip_allow", wish.ip_allow),
        ("ip_deny", wish.ip_deny),
        ("tags", wish.tags),
    ] {
        body.insert(name.to_owned(), json!(values));
    }
    if let Some(days) = wish.expires_in_days {
        body.insert("expires_in_days".to_owned(), json!(days));
    }
    if let Some(limits) = wish.limits {
        body.insert("rateLimit".to_owned(), limits);
    }
    wish.restrictions.put(&mut body)?;
    let mut api = target.api()?;
    let path = api.in_tenant("api-keys/create");
    let answer = api
        .call(Method::POST, &path, &[], Some(&Value::Object(body)))
        .await?;
    if wish.quiet {
        for name in ["api_key", "api_secret"] {
            if let Some(secret) = answer.body.get(name).and_then(Value::as_str) {
                output::line(secret);
            }
        }
    } else {
        target.print(&answer.body);
        output::notice("Save the key now: it is not shown again.");
    }
    Ok(())
}

fn update_body(wish: &Update) -> anyhow::Result<Value> {
    let mut body = Map::new();
    if let Some(name) = &wish.name {
        body.insert("name".to_owned(), json!(name));
    }
    for (name, values) in [
        ("scopes", &wish.scopes),
        ("roles", &wish.roles),
        ("ip_allow", &wish.ip_allow),
    ] {
        if !values.is_empty() {
            body.insert(name.to_owned(), json!(values));
        }
    }
    if let Some(days) = wish.expires_in_days {
        body.insert("expires_in_days".to_owned(), json!(days));
    }
    if let Some(plan) = &wish.plan {
        body.insert("plan".to_owned(), json!(plan));
    }
    if let Some(limits) = &wish.limits {
        body.insert("rateLimit".to_owned(), limits.clone());
    }
    if let Some(end) = wish.paused_until {
        let end = (end > 0).then_some(end);
        body.insert("paused_until".to_owned(), json!(end));
    }
    wish.restrictions.put(&mut body)?;
    Ok(Value::Object(body))
}

/// JSON on the command line.
pub(super) fn json_value(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
}

async fn verify(target: &Target, wish: Verify) -> anyhow::Result<bool> {
    let key = from_outside("KEYWRIGHT_KEY")?;
    let (key, secret) = match key.split_once('\n') {
        Some((key, secret)) => (key.to_owned(), Some(secret.trim().to_owned())),
        None => (key, crate::variable("KEYWRIGHT_SECRET")),
    };
    let body = json!({
        "key": key, "secret": secret, "environment": wish.environment,
        "permissions": wish.permissions, "request": {"ip": wish.ip}, "explain": wish.explain,
    });
    let answer = target
        .api()?
        .call(Method::POST, "/api/v1/verify", &[], Some(&body))
        .await?;
    target.print(&answer.body);
    Ok(answer.body.get("valid") == Some(&Value::Bool(true)))
}

/// A secret from the environment or standard input; never from an argument.
pub(crate) fn from_outside(variable: &str) -> anyhow::Result<String> {
    if let Some(value) = crate::variable(variable).filter(|value| !value.is_empty()) {
        return Ok(value);
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .with_context(|| format!("give it on standard input or in `{variable}`"))?;
    Ok(text.trim().to_owned())
}
