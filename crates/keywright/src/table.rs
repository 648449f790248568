//! Answers for people: a table of a list, or a thing with a line for each field.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::Value;

/// A list as a table of these fields.
pub(crate) fn list(items: &Value, fields: &[&str]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(fields.iter().map(|field| field.to_uppercase()));
    for item in items.as_array().into_iter().flatten() {
        table.add_row(fields.iter().map(|field| cell(field, item.get(*field))));
    }
    table.to_string()
}

/// A thing, a line for each field that says something.
pub(crate) fn thing(item: &Value) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    for (name, value) in item.as_object().into_iter().flatten() {
        let text = cell(name, Some(value));
        if !text.is_empty() {
            table.add_row([name.as_str(), &text]);
        }
    }
    table.to_string()
}

fn cell(field: &str, value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if is_moment(field) => number
            .as_i64()
            .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
            .map_or_else(|| number.to_string(), |at| at.to_string()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| cell("", Some(item)))
            .collect::<Vec<_>>()
            .join(", "),
        Some(Value::Object(object)) if object.is_empty() => String::new(),
        Some(Value::Object(object)) => match object.get("email").and_then(Value::as_str) {
            Some(email) => email.to_owned(),
            None => Value::Object(object.clone()).to_string(),
        },
        Some(other) => other.to_string(),
    }
}

fn is_moment(field: &str) -> bool {
    field.ends_with("_at") || field == "at" || field == "last_used" || field == "not_before"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn moments_lists_and_owners_are_printed_for_people() {
        let items = json!([{"name": "a", "created_at": 0, "scopes": ["x", "y"], "owner": {"id": "u", "email": "a@b"}, "last_used": null}]);
        let text = list(
            &items,
            &["name", "created_at", "scopes", "owner", "last_used"],
        );
        for part in ["NAME", "1970-01-01T00:00:00Z", "x, y", "a@b"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
