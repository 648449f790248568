//! `keywright audit`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use keywright_core::audit::{Frontier, checkpoint_text, leaf_hash};
use keywright_seal::checkpoint::verify_note;
use keywright_seal::keyring::Keyring;
use keywright_server::audit::verify::report;
use keywright_store::Store;
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
        /// A checkpoint that was kept elsewhere: the trail must still begin with it
        #[arg(long, value_name = "FILE", requires = "vkey", requires = "offline")]
        checkpoint: Option<PathBuf>,
        /// The verifier key that was kept with it
        #[arg(long, value_name = "KEY")]
        vkey: Option<String>,
        #[command(flatten)]
        flags: Box<Flags>,
    },
    /// Shows where the trail ends: keep it elsewhere
    Head,
    /// Prints the trail of the whole installation, a JSON document a line
    Export {
        /// The tenant's trail only, the newest first
        #[arg(long)]
        of_tenant: bool,
        /// As events of the Open Cybersecurity Schema Framework
        #[arg(long)]
        ocsf: bool,
    },
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
        Audit::Verify {
            offline,
            checkpoint,
            vkey,
            flags,
        } => {
            let body = if offline {
                let settings = Settings::load(&flags, crate::variable)?;
                offline_report(&settings, checkpoint.as_deref().zip(vkey.as_deref())).await?
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
        Audit::Export { of_tenant, ocsf } => {
            let mut api = target.api()?;
            let path = if of_tenant {
                api.in_tenant("audit/export")
            } else {
                "/api/v1/audit/export".to_owned()
            };
            let format = if ocsf { "ocsf" } else { "native" };
            let query = [("format", format.to_owned())];
            let answer = api.call(Method::GET, &path, &query, None).await?;
            let text = answer
                .body
                .as_str()
                .map_or_else(|| answer.body.to_string(), str::to_owned);
            output::line(text.trim_end());
            Ok(true)
        }
    }
}

async fn offline_report(settings: &Settings, kept: Option<(&Path, &str)>) -> anyhow::Result<Value> {
    let data = Path::new(settings.text("data"));
    let source = serve::keyring_source(settings, data);
    let keyring = Keyring::load(&source)?;
    let store = serve::open_store(settings, data, &keyring).await?;
    let found = store.verify_audit().await?;
    if let Some((path, vkey)) = kept {
        let note = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        begins_with(&store, &note, vkey).await?;
    }
    store.close().await;
    Ok(serde_json::to_value(report(&found))?)
}

/// Whether the trail still begins with what a signed checkpoint says.
async fn begins_with(store: &Store, note: &str, vkey: &str) -> anyhow::Result<()> {
    /// Leaves read at once.
    const PAGE: u32 = 1_000;
    let text = verify_note(vkey, note).context("the checkpoint is not signed by this key")?;
    let mut lines = text.lines();
    let origin = lines.next().context("the checkpoint has no origin")?;
    let size: u64 = lines
        .next()
        .unwrap_or_default()
        .parse()
        .context("the checkpoint has no size")?;
    let mut frontier = Frontier::default();
    while frontier.size() < size {
        let leaves = store.audit_leaves(frontier.size(), PAGE).await?;
        if leaves.is_empty() {
            bail!(
                "the trail ends at {} entries, the checkpoint says {size}: it was cut or put back",
                frontier.size()
            );
        }
        let wanted = usize::try_from(size - frontier.size()).unwrap_or(usize::MAX);
        for leaf in leaves.iter().take(wanted) {
            frontier.push(leaf_hash(&leaf.leaf));
        }
    }
    if checkpoint_text(origin, size, &frontier.root()).trim_end() != text.trim_end() {
        bail!("the trail does not begin with what the checkpoint says: it was rewritten");
    }
    Ok(())
}
