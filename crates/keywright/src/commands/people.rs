//! `keywright users`.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{PageArgs, Target};

/// The columns of a list.
const COLUMNS: [&str; 5] = ["email", "name", "role", "status", "id"];

/// What to do with users.
#[derive(Subcommand)]
pub(crate) enum Users {
    /// Lists the tenant's users
    List {
        /// Found in address and name
        #[arg(long)]
        search: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Shows a user
    Show {
        /// Identifier
        id: String,
    },
    /// Adds a user: with `KEYWRIGHT_NEW_PASSWORD` set at once, else by an invitation
    Create {
        /// E-mail address
        #[arg(long)]
        email: String,
        /// `owner`, `admin`, `approver`, `auditor` or `member`
        #[arg(long, default_value = "member")]
        role: String,
        /// Name for people
        #[arg(long)]
        name: Option<String>,
    },
    /// Changes a user; what is not given stays
    Update {
        /// Identifier
        id: String,
        /// Another role
        #[arg(long)]
        role: Option<String>,
        /// `true` switches the user and their keys off
        #[arg(long)]
        disabled: Option<bool>,
    },
    /// Removes a user from the tenant
    Remove {
        /// Identifier
        id: String,
    },
    /// Lists a user's sessions
    Sessions {
        /// Identifier
        id: String,
        /// End them all
        #[arg(long)]
        end: bool,
    },
}

/// Does it.
pub(crate) async fn run(target: &Target, users: Users) -> anyhow::Result<()> {
    match users {
        Users::List { search, page } => {
            let mut query = page.query();
            query.extend(search.map(|search| ("search", search)));
            target
                .list(|api| api.in_tenant("users"), &query, &COLUMNS)
                .await
        }
        Users::Show { id } => {
            target
                .act(
                    Method::GET,
                    |api| api.in_tenant(&format!("users/{id}")),
                    None,
                )
                .await
        }
        Users::Create { email, role, name } => {
            let password = crate::variable("KEYWRIGHT_NEW_PASSWORD");
            let body = json!({"email": email, "role": role, "name": name, "password": password});
            target
                .act(Method::POST, |api| api.in_tenant("users"), Some(&body))
                .await
        }
        Users::Update { id, role, disabled } => {
            let mut body = Map::new();
            body.extend(role.map(|role| ("role".to_owned(), json!(role))));
            body.extend(disabled.map(|disabled| ("disabled".to_owned(), json!(disabled))));
            let body = Value::Object(body);
            let path = format!("users/{id}");
            target
                .act(Method::PATCH, |api| api.in_tenant(&path), Some(&body))
                .await
        }
        Users::Remove { id } => {
            target
                .act(
                    Method::DELETE,
                    |api| api.in_tenant(&format!("users/{id}")),
                    None,
                )
                .await
        }
        Users::Sessions { id, end } => {
            let path = format!("users/{id}/sessions");
            if end {
                return target
                    .act(Method::DELETE, |api| api.in_tenant(&path), None)
                    .await;
            }
            let columns = [
                "id",
                "carrier",
                "created_at",
                "renewed_at",
                "address",
                "user_agent",
            ];
            target.list(|api| api.in_tenant(&path), &[], &columns).await
        }
    }
}
