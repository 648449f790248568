//! The scope catalogue of a tenant on the wire.

use keywright_core::limits::{DESCRIPTION_BYTES_MAX, GRANTS_MAX};
use keywright_core::scope::{CatalogueEntry, Grant, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Detail, Problems};
use crate::field::{self, Lines};
use crate::patch::Patch;

/// A wish for a new scope.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateScope {
    /// The scope, such as `deploy:production`.
    #[schema(example = "deploy:production")]
    pub scope: String,
    /// What it allows, for people.
    #[serde(default)]
    #[schema(max_length = 2000, example = "Deploy to production")]
    pub description: Option<String>,
    /// What it allows besides itself: scopes and wildcards.
    #[serde(default)]
    #[schema(max_items = 200, example = json!(["deploy:staging"]))]
    pub implies: Vec<String>,
}

/// What to change of a scope. A field that is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateScope {
    /// What it allows, for people.
    #[schema(value_type = Option<String>, max_length = 2000)]
    #[serde(default)]
    pub description: Patch<String>,
    /// What it allows besides itself.
    #[schema(value_type = Option<Vec<String>>, max_items = 200)]
    #[serde(default)]
    pub implies: Patch<Vec<String>>,
}

/// A scope of the catalogue.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Scope)]
pub struct ScopeBody {
    /// The scope.
    #[schema(example = "deploy:production")]
    pub scope: String,
    /// What it allows, for people; may be empty.
    pub description: String,
    /// What it allows besides itself.
    pub implies: Vec<String>,
}

impl CreateScope {
    /// The entry. Whether its implications exist is for the catalogue to say.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self) -> Result<CatalogueEntry, Vec<Detail>> {
        let mut problems = Problems::new();
        let fix = "write it as in `deploy:production`";
        let scope = field::parsed(
            "scope",
            Some(&self.scope),
            str::parse::<Scope>,
            fix,
            &mut problems,
        );
        let description = description(self.description.as_deref(), &mut problems);
        let implies = implies(&self.implies, &mut problems);
        problems.finish_some(scope.map(|scope| CatalogueEntry {
            scope,
            description,
            implies,
        }))
    }
}

impl UpdateScope {
    /// Lays the update over `entry`.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self, entry: &CatalogueEntry) -> Result<CatalogueEntry, Vec<Detail>> {
        let mut problems = Problems::new();
        let mut after = entry.clone();
        match self.description {
            Patch::Missing => {}
            Patch::Null => after.description.clear(),
            Patch::Value(text) => after.description = description(Some(&text), &mut problems),
        }
        if let Some(values) = self.implies.not_null("implies", &mut problems) {
            after.implies = implies(&values, &mut problems);
        }
        problems.finish(after)
    }
}

impl ScopeBody {
    /// The entry as it is shown.
    #[must_use]
    pub fn new(entry: &CatalogueEntry) -> Self {
        Self {
            scope: entry.scope.to_string(),
            description: entry.description.clone(),
            implies: entry.implies.iter().map(ToString::to_string).collect(),
        }
    }
}

fn description(value: Option<&str>, problems: &mut Problems) -> String {
    field::text(
        "description",
        value,
        DESCRIPTION_BYTES_MAX,
        Lines::Many,
        problems,
    )
    .unwrap_or_default()
}

fn implies(values: &[String], problems: &mut Problems) -> Vec<Grant> {
    field::list("implies", values, GRANTS_MAX, str::parse::<Grant>, problems)
}
