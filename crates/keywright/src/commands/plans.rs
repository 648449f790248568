//! `keywright plans`: named sets of limits.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::Target;
use super::keys::json_value;

/// What to do with plans.
#[derive(Subcommand)]
pub(crate) enum Plans {
    /// Lists plans
    List,
    /// Adds a plan
    Create {
        /// Name
        name: String,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// Such as `{"requests": {"perSecond": 10, "perDay": 10000}}`
        #[arg(long, value_name = "JSON", value_parser = json_value)]
        limits: Value,
    },
    /// Changes a plan, for all its keys at once
    Update {
        /// Name
        name: String,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// Limits instead, as JSON
        #[arg(long, value_name = "JSON", value_parser = json_value)]
        limits: Option<Value>,
    },
    /// Removes a plan that no key has
    Delete {
        /// Name
        name: String,
    },
}

/// Does it.
pub(crate) async fn run(target: &Target, plans: Plans) -> anyhow::Result<()> {
    let one = |name: &str| {
        let path = format!("plans/{name}");
        move |api: &crate::client::Api| api.in_tenant(&path)
    };
    match plans {
        Plans::List => {
            let columns = ["name", "description", "rateLimit"];
            target
                .list(|api| api.in_tenant("plans"), &[], &columns)
                .await
        }
        Plans::Create {
            name,
            description,
            limits,
        } => {
            let body = json!({"name": name, "description": description, "rateLimit": limits});
            let path = |api: &crate::client::Api| api.in_tenant("plans");
            target.act(Method::POST, path, Some(&body)).await
        }
        Plans::Update {
            name,
            description,
            limits,
        } => {
            let mut body = Map::new();
            body.extend(description.map(|text| ("description".to_owned(), json!(text))));
            body.extend(limits.map(|limits| ("rateLimit".to_owned(), limits)));
            let body = Value::Object(body);
            target.act(Method::PATCH, one(&name), Some(&body)).await
        }
        Plans::Delete { name } => target.act(Method::DELETE, one(&name), None).await,
    }
}
