//! `keywright audit`.

use std::path::Path;

use clap::Subcommand;
use keywright_seal::keyring::Keyring;
use keywright_server::audit::verify::report;
use reqwest::Method;
use serde_json::Value;

use super::{PageArgs, Target};
use crate::output;
use crate::serve;
use crate::settings::{Flags, Settings};

/// What to do with the audit trail.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Lists the tenant's trail, the newest first
    List {
        /// An action, such as `revoke_key`
        #[arg(long)]
        action: Option<String>,
        #[command(flatten)]
        page: PageArgs,
    },
    /// Verifies the whole trail
    Verify {
        /// Read the database itself instead of asking the server
        #[arg(long)]
        offline: bool,
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// Shows where the trail ends: keep it elsewhere
    Head,
    /// Prints the whole trail, a JSON document a line
    Export,
}

/// Does it. Answers whether the trail is sound.
pub(crate) async fn run(target: &Target, audit: Audit) -> anyhow::Result<bool> {
    match audit {
        Audit::List { action, page } => {
            let mut query = page.query();
            query.extend(action.map(|action| ("action", action)));
            let columns = [
                "seq", "at", "action", "actor", "target", "result", "address",
            ];
            target
                .list(|api| api.in_tenant("audit"), &query, &columns)
                .await?;
            Ok(true)
        }
        Audit::Verify { offline, flags } => {
            let body = if offline {
                offline_report(&Settings::load(&flags, crate::variable)?).await?
            } else {
                let mut api = target.api()?;
                api.call(Method::GET, "/api/v1/audit/verify", &[], None)
                    .await?
                    .body
            };
            target.print(&body);
            Ok(body.get("valid") == Some(&Value::Bool(true)))
        }
        Audit::Head => {
            target
                .act(Method::GET, |_| "/api/v1/audit/head".to_owned(), None)
                .await?;
            Ok(true)
        }
        Audit::Export => {
            let mut api = target.api()?;
            let answer = api
                .call(Method::GET, "/api/v1/audit/export", &[], None)
                .await?;
            let text = answer
                .body
                .as_str()
                .map_or_else(|| answer.body.to_string(), str::to_owned);
            output::line(text.trim_end());
            Ok(true)
        }
    }
}

async fn offline_report(settings: &Settings) -> anyhow::Result<Value> {
    let data = Path::new(settings.text("data"));
    let source = serve::keyring_source(settings, data);
    let keyring = Keyring::load(&source)?;
    let store = serve::open_store(settings, data, &keyring).await?;
    let found = store.verify_audit().await?;
    store.close().await;
    Ok(serde_json::to_value(report(&found))?)
}
