//! The HTTP client of the command line: one call, and an error that says what the server said.

use anyhow::{Context, bail};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::profile::Profile;

/// A signed-in connection to a server.
pub(crate) struct Api {
    http: Client,
    profile: Profile,
    /// A token given from outside is used as it is, and not renewed.
    token: Option<String>,
}

/// An answer.
pub(crate) struct Answer {
    /// The body, when it is JSON.
    pub(crate) body: Value,
    /// `X-Total-Count` of a list.
    pub(crate) total: Option<String>,
}

impl Api {
    /// Connects nothing yet.
    pub(crate) fn new(profile: Profile, token: Option<String>) -> anyhow::Result<Self> {
        let agent = concat!("keywright/", env!("CARGO_PKG_VERSION"));
        let http = Client::builder().user_agent(agent).build()?;
        Ok(Self {
            http,
            profile,
            token,
        })
    }

    /// The tenant to act in.
    pub(crate) fn tenant(&self) -> &str {
        &self.profile.tenant
    }

    /// A path below the tenant.
    pub(crate) fn in_tenant(&self, path: &str) -> String {
        format!("/api/v1/tenant/{}/{path}", self.profile.tenant)
    }

    /// Signs in and remembers the tokens.
    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> anyhow::Result<()> {
        let body = json!({"email": email, "password": password});
        let answer = self
            .send(Method::POST, "/api/v1/auth/login", &[], Some(&body), None)
            .await?;
        self.remember(&answer.body)
    }

    /// Calls an operation, renewing the access token once if it has run out.
    pub(crate) async fn call(
        &mut self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        if self.token.is_none() && self.profile.has_run_out() {
            self.renew().await?;
        }
        let token = match &self.token {
            Some(token) => token.clone(),
            None => self
                .profile
                .access_token
                .clone()
                .context("sign in first: `keywright login`")?,
        };
        self.send(method, path, query, body, Some(&token)).await
    }

    async fn renew(&mut self) -> anyhow::Result<()> {
        let Some(refresh) = self.profile.refresh_token.clone() else {
            return Ok(());
        };
        let body = json!({"refresh_token": refresh});
        let answer = self
            .send(Method::POST, "/api/v1/auth/refresh", &[], Some(&body), None)
            .await
            .context("the session has ended; sign in again: `keywright login`")?;
        self.remember(&answer.body)
    }

    fn remember(&mut self, tokens: &Value) -> anyhow::Result<()> {
        let text = |name: &str| {
            tokens
                .get(name)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        let life = tokens
            .get("expires_in")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        self.profile.access_token = text("access_token");
        self.profile.refresh_token = text("refresh_token");
        self.profile.set_life(life);
        self.profile.save()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
        token: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let url = format!("{}{path}", self.profile.server.trim_end_matches('/'));
        let mut request = self.http.request(method, &url).query(query);
        if let Some(token) = token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
                anyhow::anyhow!("the token has characters that no header can carry")
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("cannot reach `{url}`"))?;
        read(response).await
    }
}

async fn read(response: Response) -> anyhow::Result<Answer> {
    let status = response.status();
    let total = response
        .headers()
        .get("x-total-count")
        .and_then(|value| value.to_str().ok());
    let total = total.map(ToOwned::to_owned);
    let propagation = response
        .headers()
        .get("keywright-propagation")
        .and_then(|value| value.to_str().ok())
        .filter(|value| value.starts_with("pending"));
    if let Some(propagation) = propagation {
        crate::output::notice(&format!(
            "done, but nodes that are out of touch may not know yet: {propagation}"
        ));
    }
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if status.is_success() {
        return Ok(Answer { body, total });
    }
    bail!("{}", refusal(status, &body))
}

/// What the server said, a line for each detail.
fn refusal(status: StatusCode, body: &Value) -> String {
    let text = |value: &Value, name: &str| {
        value
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut lines = vec![format!(
        "{} ({}, {status})",
        text(body, "error_description"),
        text(body, "code")
    )];
    for detail in body
        .get("details")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let (path, problem, fix) = (
            text(detail, "path"),
            text(detail, "problem"),
            text(detail, "fix"),
        );
        lines.push(format!("  {path}: {problem}; {fix}"));
    }
    lines.push(format!("  request {}", text(body, "request_id")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_every_detail_and_the_request() {
        let body = json!({
            "error_description": "Some fields are not valid", "code": "validation_failed",
            "request_id": "r1", "details": [{"path": "scopes[0]", "problem": "is unknown", "fix": "use another"}],
        });
        let text = refusal(StatusCode::UNPROCESSABLE_ENTITY, &body);
        assert_eq!(
            text,
            "Some fields are not valid (validation_failed, 422 Unprocessable Entity)\n  scopes[0]: is unknown; use another\n  request r1"
        );
    }
}
