//! The commands, one file for each group.

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod inspect;
pub(crate) mod keys;
pub(crate) mod people;
pub(crate) mod plans;
mod restrictions;
pub(crate) mod secrets;
pub(crate) mod session;
pub(crate) mod sign;
pub(crate) mod tenants;

use clap::Args;
use reqwest::Method;
use serde_json::Value;

use crate::client::{Answer, Api};
use crate::output;
use crate::profile::Profile;
use crate::table;

/// Where to act, and how to print.
#[derive(Args, Clone)]
pub(crate) struct Target {
    /// Profile in the configuration file
    #[arg(long, global = true, default_value = "default", value_name = "NAME")]
    profile: String,
    /// Base URL of the server (or `KEYWRIGHT_SERVER`)
    #[arg(long, global = true, value_name = "URL")]
    server: Option<String>,
    /// Slug of the tenant (or `KEYWRIGHT_TENANT`)
    #[arg(long, global = true, value_name = "SLUG")]
    tenant: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Target {
    /// The profile with what flags and environment say over it.
    pub(crate) fn profile(&self) -> anyhow::Result<Profile> {
        let mut profile = Profile::load(&self.profile)?;
        let over = |flag: &Option<String>, name: &str| {
            flag.clone()
                .or_else(|| crate::variable(name))
                .filter(|text| !text.is_empty())
        };
        if let Some(server) = over(&self.server, "KEYWRIGHT_SERVER") {
            profile.server = server;
        }
        if let Some(tenant) = over(&self.tenant, "KEYWRIGHT_TENANT") {
            profile.tenant = tenant;
        }
        Ok(profile)
    }

    /// The server, with the token of the environment if there is one.
    pub(crate) fn api(&self) -> anyhow::Result<Api> {
        Api::new(self.profile()?, crate::variable("KEYWRIGHT_TOKEN"))
    }

    /// Calls an operation that answers a list, and prints it.
    pub(crate) async fn list(
        &self,
        path: impl Fn(&Api) -> String,
        query: &[(&str, String)],
        fields: &[&str],
    ) -> anyhow::Result<()> {
        let mut api = self.api()?;
        let path = path(&api);
        let answer = api.call(Method::GET, &path, query, None).await?;
        self.print_list(&answer, fields);
        Ok(())
    }

    /// Calls an operation that answers a thing, and prints it.
    pub(crate) async fn act(
        &self,
        method: Method,
        path: impl Fn(&Api) -> String,
        body: Option<&Value>,
    ) -> anyhow::Result<()> {
        let mut api = self.api()?;
        let path = path(&api);
        let answer = api.call(method, &path, &[], body).await?;
        self.print(&answer.body);
        Ok(())
    }

    /// Prints a thing.
    pub(crate) fn print(&self, body: &Value) {
        if self.json {
            output::line(&body.to_string());
        } else if let Some(message) = body.get("message").and_then(Value::as_str) {
            output::line(message);
        } else {
            output::line(&table::thing(body));
        }
    }

    fn print_list(&self, answer: &Answer, fields: &[&str]) {
        if self.json {
            output::line(&answer.body.to_string());
            return;
        }
        output::line(&table::list(&answer.body, fields));
        let shown = answer.body.as_array().map_or(0, Vec::len);
        if let Some(total) = &answer.total
            && *total != shown.to_string()
        {
            output::notice(&format!(
                "{shown} of {total}; see `--page` and `--per-page`"
            ));
        }
    }
}

/// Which page of a list.
#[derive(Args)]
pub(crate) struct PageArgs {
    /// Page, from 1
    #[arg(long, default_value = "1")]
    page: u32,
    /// Rows of a page, at most 200
    #[arg(long, default_value = "50")]
    per_page: u32,
}

impl PageArgs {
    /// As query parameters.
    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        vec![
            ("page", self.page.to_string()),
            ("per_page", self.per_page.to_string()),
        ]
    }
}
