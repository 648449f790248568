//! Load from `wrk`: what it posts, and what it counts.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::house::text;

/// Connections, each with one request at a time.
const CONNECTIONS: &str = "-c32";
/// Length of a round, as wrk reads it.
const ROUND: &str = "3s";

/// What is posted, where to.
pub(crate) struct Load {
    url: String,
    script: PathBuf,
}

/// Whether there is a `wrk` (Debian's package of that name).
pub(crate) fn available() -> bool {
    Command::new("wrk").arg("--version").output().is_ok()
}

/// The body of a check.
pub(crate) fn body(key: &str) -> String {
    format!(r#"{{"key": "{key}", "permissions": "api:read", "environment": "production"}}"#)
}

impl Load {
    /// Posts the same check again and again, with or without a credential.
    pub(crate) fn of_one(
        folder: &Path,
        address: SocketAddr,
        path: &str,
        key: &str,
        credential: Option<&str>,
    ) -> anyhow::Result<Self> {
        let name = if credential.is_some() {
            "authorized"
        } else {
            "open"
        };
        let script = folder.join(format!("{name}.lua"));
        let mut file = std::fs::File::create(&script)?;
        writeln!(file, "wrk.method = \"POST\"")?;
        writeln!(file, "wrk.headers[\"Content-Type\"] = \"application/json\"")?;
        if let Some(credential) = credential {
            writeln!(file, "wrk.headers[\"X-API-Key\"] = \"{credential}\"")?;
        }
        writeln!(file, "wrk.body = [[{}]]", body(key))?;
        Ok(Self {
            url: format!("http://{address}{path}"),
            script,
        })
    }

    /// Posts checks of `sample` keys, in an order at random out of `keys`; wrk walks the list in its
    /// order, so that its own memory costs the same however many keys there are.
    pub(crate) fn of_many(
        folder: &Path,
        address: SocketAddr,
        path: &str,
        keys: u64,
        sample: u64,
    ) -> anyhow::Result<Self> {
        let list = folder.join(format!("keys-{keys}.txt"));
        let mut file = std::io::BufWriter::new(std::fs::File::create(&list)?);
        for number in 0..sample {
            writeln!(
                file,
                "{}",
                text(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % keys)
            )?;
        }
        file.flush()?;
        let script = folder.join(format!("random-{keys}.lua"));
        let before = body("").replace("\"\"", "\"");
        let (before, after) = before
            .split_once(", ")
            .context("the body names more than the key")?;
        let lua = format!(
            "local keys, last = {{}}, 0\n\
             function init(arguments)\n  \
               for line in io.lines(\"{}\") do keys[#keys + 1] = line end\n\
             end\n\
             wrk.method = \"POST\"\n\
             wrk.headers[\"Content-Type\"] = \"application/json\"\n\
             function request()\n  \
               last = last % #keys + 1\n  \
               return wrk.format(nil, nil, nil, '{before}' .. keys[last] .. '\", {after}')\n\
             end\n",
            list.display(),
        );
        std::fs::write(&script, lua)?;
        Ok(Self {
            url: format!("http://{address}{path}"),
            script,
        })
    }

    /// One round: requests a second, as wrk counts them.
    pub(crate) async fn round(&self) -> anyhow::Result<f64> {
        let (script, url) = (self.script.clone(), self.url.clone());
        let output = tokio::task::spawn_blocking(move || {
            Command::new("wrk")
                .args(["-t1", CONNECTIONS, "-d", ROUND, "-s"])
                .arg(script)
                .arg(url)
                .output()
        })
        .await??;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.contains("Non-2xx") || text.contains("Socket errors") {
            bail!("some requests failed:\n{text}");
        }
        let line = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("Requests/sec:"));
        line.with_context(|| format!("wrk said:\n{text}"))?
            .trim()
            .parse()
            .context("no number")
    }
}
