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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::json;

    fn create(body: &str) -> Result<CatalogueEntry, Vec<Detail>> {
        json::parse::<CreateScope>(body.as_bytes())
            .unwrap()
            .validate()
    }

    #[test]
    fn a_scope_is_read_and_shown() {
        let entry =
            create(r#"{"scope":"api:write","description":" w ","implies":["api:read"]}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&ScopeBody::new(&entry)).unwrap(),
            r#"{"scope":"api:write","description":"w","implies":["api:read"]}"#
        );
    }

    #[test]
    fn every_problem_of_a_scope_is_named() {
        let details = create(r#"{"scope":"a:*","description":"\u0000","implies":["A","b","b"]}"#)
            .unwrap_err();
        let paths: Vec<&str> = details.iter().map(|detail| detail.path.as_str()).collect();
        assert_eq!(paths, ["scope", "description", "implies[0]", "implies[2]"]);
    }

    #[test]
    fn an_update_of_a_scope_leaves_what_it_does_not_mention() {
        let entry = create(r#"{"scope":"a:b","description":"d","implies":["a:c"]}"#).unwrap();
        let update = |body: &str| {
            json::parse::<UpdateScope>(body.as_bytes())
                .unwrap()
                .validate(&entry)
                .unwrap()
        };
        assert_eq!(update("{}"), entry);
        let emptied = update(r#"{"description":null,"implies":[]}"#);
        assert!(emptied.description.is_empty() && emptied.implies.is_empty());
    }
}
