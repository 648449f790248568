//! `keywright sign`: signs a request with the secret of a pair, offline (RFC 9421). The secret comes
//! from the environment or standard input and goes nowhere.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use keywright_core::secret::Secret;
use keywright_core::signature::{Body, Message, SignedFields, Signer, sign};
use keywright_core::time::Timestamp;
use keywright_core::token::Entropy;
use keywright_engine::clock::{Clock, SystemClock};
use keywright_seal::entropy::OsEntropy;
use serde_json::{Map, Value};

use super::Target;
use super::keys::from_outside;
use crate::output;

/// Bytes of randomness in a nonce: never drawn twice.
const NONCE_BYTES: usize = 16;

/// A request to sign.
#[derive(Args)]
pub(crate) struct Sign {
    /// HTTP method
    method: String,
    /// The whole URL
    url: String,
    /// A header to sign along, such as `Content-Type: application/json`; may be repeated
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// File with the body; `-` = standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Seconds after which the signature ends by itself; the server allows 300 at most
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u32>,
    /// Print a curl command that sends the signed request
    #[arg(long)]
    curl: bool,
}

/// Prints the headers that sign the request. Public key and secret come from `KEYWRIGHT_KEY` and
/// `KEYWRIGHT_SECRET`, or a line each from standard input.
pub(crate) fn run(target: &Target, wish: &Sign) -> anyhow::Result<()> {
    let from_input = wish
        .body
        .as_ref()
        .is_some_and(|path| path.as_os_str() == "-");
    anyhow::ensure!(
        !from_input || crate::variable("KEYWRIGHT_KEY").is_some_and(|key| !key.is_empty()),
        "with the body on standard input, give the pair in `KEYWRIGHT_KEY` and `KEYWRIGHT_SECRET`"
    );
    let (key, secret) = pair()?;
    let body = body(wish)?;
    let headers = wish
        .headers
        .iter()
        .map(|line| header(line))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let now = SystemClock::default().now();
    let nonce = nonce();
    let message = Message {
        method: &wish.method,
        target_uri: &wish.url,
        fields: &headers,
        body: Body::Bytes(&body),
    };
    let signer = Signer {
        keyid: &key,
        secret: secret.expose().as_bytes(),
        created_at: now,
        expires_at: wish.expires_in.map(|seconds| later(now, seconds)),
        nonce: &nonce,
    };
    let made = lines(sign(&message, signer)?);
    if wish.curl {
        output::line(&curl(wish, &headers, &made));
    } else if target.json {
        let members = made
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value)));
        output::line(&Value::Object(members.collect::<Map<_, _>>()).to_string());
    } else {
        for (name, value) in made {
            output::line(&format!("{name}: {value}"));
        }
    }
    Ok(())
}

fn pair() -> anyhow::Result<(String, Secret)> {
    let text = Secret::new(from_outside("KEYWRIGHT_KEY")?);
    let (key, secret) = match text.expose().split_once('\n') {
        Some((key, secret)) => (key.trim().to_owned(), secret.trim().to_owned()),
        None => (
            text.expose().to_owned(),
            crate::variable("KEYWRIGHT_SECRET").unwrap_or_default(),
        ),
    };
    let secret = Secret::new(secret);
    anyhow::ensure!(
        !secret.is_empty(),
        "give the pair's secret in `KEYWRIGHT_SECRET`, or as a second line after its public key"
    );
    Ok((key, secret))
}

fn body(wish: &Sign) -> anyhow::Result<Vec<u8>> {
    match &wish.body {
        None => Ok(Vec::new()),
        Some(path) if path.as_os_str() == "-" => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .context("the body cannot be read from standard input")?;
            Ok(bytes)
        }
        Some(path) => {
            std::fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))
        }
    }
}

fn header(line: &str) -> anyhow::Result<(&str, &str)> {
    let (name, value) = line
        .split_once(':')
        .with_context(|| format!("`{line}` is not a header such as `Date: ...`"))?;
    Ok((name.trim(), value.trim()))
}

fn later(now: Timestamp, seconds: u32) -> Timestamp {
    now.plus_milliseconds(i64::from(seconds) * 1_000)
}

fn nonce() -> String {
    let mut bytes = [0; NONCE_BYTES];
    OsEntropy.fill(&mut bytes);
    hex::encode(bytes)
}

fn lines(made: SignedFields) -> Vec<(&'static str, String)> {
    let digest = made.content_digest.map(|value| ("Content-Digest", value));
    let signature = [("Signature-Input", made.input), ("Signature", made.value)];
    digest.into_iter().chain(signature).collect()
}

fn curl(wish: &Sign, headers: &[(&str, &str)], made: &[(&str, String)]) -> String {
    let mut command = format!("curl -X {} {}", quoted(&wish.method), quoted(&wish.url));
    let given = headers.iter().map(|(name, value)| (*name, *value));
    let made = made.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in given.chain(made) {
        command.push_str(" \\\n  -H ");
        command.push_str(&quoted(&format!("{name}: {value}")));
    }
    if let Some(path) = &wish.body {
        command.push_str(" \\\n  --data-binary ");
        command.push_str(&quoted(&format!("@{}", path.display())));
    }
    command
}

/// For a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn a_curl_command_survives_a_shell() {
        let wish = Sign {
            method: "POST".into(),
            url: "https://h/?a=1&b='x'".into(),
            headers: Vec::new(),
            body: Some("a b.json".into()),
            expires_in: None,
            curl: true,
        };
        let made = [("Signature", "sig1=:AA==:".to_owned())];
        assert_eq!(
            curl(&wish, &[("Date", "now")], &made),
            "curl -X 'POST' 'https://h/?a=1&b='\\''x'\\''' \\\n  -H 'Date: now' \\\n  -H 'Signature: sig1=:AA==:' \\\n  --data-binary '@a b.json'"
        );
    }

    #[test]
    fn headers_are_read_and_nonces_differ() {
        assert_eq!(header("Date:  now ").unwrap(), ("Date", "now"));
        assert!(header("Date").is_err());
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 2 * NONCE_BYTES);
    }
}
