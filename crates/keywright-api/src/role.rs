//! Roles of a tenant on the wire: named bundles of scopes.

use keywright_core::limits::{DESCRIPTION_BYTES_MAX, GRANTS_MAX};
use keywright_core::role::{Role, RoleName};
use keywright_core::scope::Grant;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Detail, Problems};
use crate::field::{self, Lines};
use crate::patch::Patch;

/// A wish for a new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRole {
    /// The name, such as `deployer`.
    #[schema(example = "deployer")]
    pub name: String,
    /// What it is for, for people.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// Scopes and wildcards that it bundles.
    #[schema(max_items = 200, example = json!(["deploy:*", "api:read"]))]
    pub scopes: Vec<String>,
}

/// What to change of a role. It acts on every key that has the role at once.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRole {
    /// What it is for, for people.
    #[schema(value_type = Option<String>, max_length = 2000)]
    #[serde(default)]
    pub description: Patch<String>,
    /// Scopes and wildcards that it bundles.
    #[schema(value_type = Option<Vec<String>>, max_items = 200)]
    #[serde(default)]
    pub scopes: Patch<Vec<String>>,
}

/// A role.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Role)]
pub struct RoleBody {
    /// The name.
    #[schema(example = "deployer")]
    pub name: String,
    /// What it is for, for people; may be empty.
    pub description: String,
    /// Scopes and wildcards that it bundles.
    pub scopes: Vec<String>,
    /// Whether it came with the tenant; such roles cannot be removed.
    pub builtin: bool,
}

impl CreateRole {
    /// The role.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self) -> Result<Role, Vec<Detail>> {
        let mut problems = Problems::new();
        let fix = "choose another name, such as `deployer`";
        let name = field::parsed(
            "name",
            Some(&self.name),
            str::parse::<RoleName>,
            fix,
            &mut problems,
        );
        let description = description(self.description.as_deref(), &mut problems);
        let grants = grants(&self.scopes, &mut problems);
        problems.finish_some(name.map(|name| Role {
            name,
            description,
            grants,
            builtin: false,
        }))
    }
}

impl UpdateRole {
    /// Lays the update over `role`.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self, role: &Role) -> Result<Role, Vec<Detail>> {
        let mut problems = Problems::new();
        let mut after = role.clone();
        match self.description {
            Patch::Missing => {}
            Patch::Null => after.description.clear(),
            Patch::Value(text) => after.description = description(Some(&text), &mut problems),
        }
        if let Some(values) = self.scopes.not_null("scopes", &mut problems) {
            after.grants = grants(&values, &mut problems);
        }
        problems.finish(after)
    }
}

impl RoleBody {
    /// The role as it is shown.
    #[must_use]
    pub fn new(role: &Role) -> Self {
        Self {
            name: role.name.to_string(),
            description: role.description.clone(),
            scopes: role.grants.iter().map(ToString::to_string).collect(),
            builtin: role.builtin,
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

fn grants(values: &[String], problems: &mut Problems) -> Vec<Grant> {
    field::list("scopes", values, GRANTS_MAX, str::parse::<Grant>, problems)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;
    use crate::json;

    fn create(body: &str) -> Result<Role, Vec<Detail>> {
        json::parse::<CreateRole>(body.as_bytes())
            .unwrap()
            .validate()
    }

    #[test]
    fn a_role_is_read_and_shown() {
        let role = create(r#"{"name":"deployer","scopes":["deploy:*"]}"#).unwrap();
        assert_eq!(
            serde_json::to_string(&RoleBody::new(&role)).unwrap(),
            r#"{"name":"deployer","description":"","scopes":["deploy:*"],"builtin":false}"#
        );
    }

    #[test]
    fn every_problem_of_a_role_is_named() {
        let details =
            create(r#"{"name":"De ployer","description":"\u0000","scopes":["*x"]}"#).unwrap_err();
        let paths: Vec<&str> = details.iter().map(|detail| detail.path.as_str()).collect();
        assert_eq!(paths, ["name", "description", "scopes[0]"]);
    }

    #[test]
    fn an_update_of_a_role_leaves_what_it_does_not_mention() {
        let role = create(r#"{"name":"a","description":"d","scopes":["a:b"]}"#).unwrap();
        let update = |body: &str| {
            json::parse::<UpdateRole>(body.as_bytes())
                .unwrap()
                .validate(&role)
        };
        assert_eq!(update("{}").unwrap(), role);
        assert_eq!(update(r#"{"description":null}"#).unwrap().description, "");
        assert!(update(r#"{"scopes":null}"#).is_err());
    }
}
