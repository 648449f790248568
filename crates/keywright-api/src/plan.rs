//! Plans on the wire.

use keywright_core::limits::DESCRIPTION_BYTES_MAX;
use keywright_core::plan::{Plan, PlanName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Detail, Problems};
use crate::field::{self, Lines};
use crate::json::Object;
use crate::limit::LimitsBody;
use crate::patch::Patch;

/// A wish for a new plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePlan {
    /// The name, such as `free`.
    #[schema(example = "free")]
    pub name: String,
    /// What it is for, for people.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// What keys of this plan may use.
    #[serde(rename = "rateLimit")]
    #[schema(value_type = LimitsBody)]
    pub rate_limit: Object<LimitsBody>,
}

/// What to change of a plan. It acts on every key that has the plan at once.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePlan {
    /// What it is for, for people.
    #[schema(value_type = Option<String>, max_length = 2000)]
    #[serde(default)]
    pub description: Patch<String>,
    /// What keys of this plan may use; replaced as a whole.
    #[schema(value_type = Option<LimitsBody>)]
    #[serde(rename = "rateLimit", default)]
    pub rate_limit: Patch<Object<LimitsBody>>,
}

/// A plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanBody {
    /// The name.
    #[schema(example = "free")]
    pub name: String,
    /// What it is for, for people; may be empty.
    pub description: String,
    /// What keys of this plan may use.
    #[serde(rename = "rateLimit")]
    pub rate_limit: LimitsBody,
}

impl CreatePlan {
    /// The plan.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self) -> Result<Plan, Vec<Detail>> {
        let mut problems = Problems::new();
        let name = field::parsed(
            "name",
            Some(&self.name),
            str::parse::<PlanName>,
            "choose another name, such as `free`",
            &mut problems,
        );
        let description = description(self.description.as_deref(), &mut problems);
        let Object(limits) = self.rate_limit;
        let limits = limits.read("rateLimit", &mut problems);
        problems.finish_some(name.map(|name| Plan {
            name,
            description,
            limits,
        }))
    }
}

impl UpdatePlan {
    /// Lays the update over `plan`.
    ///
    /// # Errors
    /// Every problem, with its field.
    pub fn validate(self, plan: &Plan) -> Result<Plan, Vec<Detail>> {
        let mut problems = Problems::new();
        let mut after = plan.clone();
        match self.description {
            Patch::Missing => {}
            Patch::Null => after.description.clear(),
            Patch::Value(text) => after.description = description(Some(&text), &mut problems),
        }
        if let Some(Object(limits)) = self.rate_limit.not_null("rateLimit", &mut problems) {
            after.limits = limits.read("rateLimit", &mut problems);
        }
        problems.finish(after)
    }
}

impl PlanBody {
    /// The plan as it is shown.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self {
            name: plan.name.to_string(),
            description: plan.description.clone(),
            rate_limit: LimitsBody::new(&plan.limits).unwrap_or_default(),
        }
    }
}

fn description(value: Option<&str>, problems: &mut Problems) -> String {
    let bytes_max = DESCRIPTION_BYTES_MAX;
    field::text("description", value, bytes_max, Lines::Many, problems).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::json;

    #[test]
    fn a_plan_is_read_changed_and_shown() {
        let text = r#"{"name":"free","rateLimit":{"requests":{"perDay":100}}}"#;
        let plan = json::parse::<CreatePlan>(text.as_bytes()).unwrap();
        let plan = plan.validate().unwrap();
        let update = json::parse::<UpdatePlan>(br#"{"description":"For trying out"}"#).unwrap();
        let plan = update.validate(&plan).unwrap();
        assert_eq!(
            serde_json::to_string(&PlanBody::new(&plan)).unwrap(),
            r#"{"name":"free","description":"For trying out","rateLimit":{"requests":{"perDay":100}}}"#
        );
        let bad =
            r#"{"name":"Fr ee","description":"\u0000","rateLimit":{"requests":{"perDay":0}}}"#;
        let bad = json::parse::<CreatePlan>(bad.as_bytes())
            .unwrap()
            .validate()
            .unwrap_err();
        let paths: Vec<&str> = bad.iter().map(|detail| detail.path.as_str()).collect();
        assert_eq!(paths, ["name", "description", "rateLimit.requests.perDay"]);
        let null = json::parse::<UpdatePlan>(br#"{"rateLimit":null}"#).unwrap();
        assert!(null.validate(&plan).is_err());
    }
}
