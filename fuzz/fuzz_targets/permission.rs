//! Expressions, scopes and wildcards: reading never panics, and what is printed means the same.
#![no_main]

use keywright_core::permission::Expression;
use keywright_core::scope::{Grant, Scope};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(expression) = text.parse::<Expression>() {
        let printed: Expression = expression.to_string().parse().expect("what is printed reads back");
        for bit in 0..4_usize {
            let has = |scope: &Scope| scope.as_str().len() % 4 == bit;
            assert_eq!(printed.evaluate(has), expression.evaluate(has));
        }
        assert!(expression.evaluate(|_| true));
        assert!(!expression.evaluate(|_| false));
    }
    if let (Ok(scope), Ok(grant)) = (text.parse::<Scope>(), text.parse::<Grant>()) {
        assert!(grant.covers(&scope));
    }
});
