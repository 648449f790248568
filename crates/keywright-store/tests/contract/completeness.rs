//! No method of the store escapes the suite: whatever is public must be called in it.

/// Reads every source of this crate's `src` and of the suite.
fn sources(folder: &str) -> String {
    let mut text = String::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

#[test]
fn every_public_method_is_called_on_both_databases() {
    let (store, suite) = (sources("src"), sources("tests/contract"));
    let methods: Vec<&str> = store
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("pub "))
        .filter_map(|rest| {
            rest.strip_prefix("async ")
                .unwrap_or(rest)
                .strip_prefix("fn ")
        })
        .filter_map(|rest| rest.split(['(', '<']).next())
        .collect();
    assert!(methods.len() > 40, "{methods:?}");
    let missing: Vec<_> = methods
        .iter()
        .filter(|method| {
            let call = format!(".{method}(");
            let function = format!("::{method}(");
            !suite.contains(&call) && !suite.contains(&function)
        })
        .collect();
    assert!(missing.is_empty(), "not called by the suite: {missing:?}");
}

#[test]
fn every_test_of_the_suite_runs_on_both_databases() {
    let suite = sources("tests/contract");
    let listed: Vec<&str> = suite
        .split("\ncontract!(")
        .skip(1)
        .filter_map(|rest| rest.split(");").next())
        .flat_map(|names| names.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    let written = suite
        .lines()
        .filter_map(|line| line.strip_prefix("async fn "))
        .filter(|line| line.contains("(fixture: &Fixture) {"))
        .filter_map(|line| line.split('(').next());
    let missing: Vec<_> = written.filter(|name| !listed.contains(name)).collect();
    assert!(missing.is_empty(), "written, but never run: {missing:?}");
}
