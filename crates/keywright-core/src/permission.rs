//! Permission expressions: `api:read AND (users:manage OR admin:all)`.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::scope::Scope;

/// Nesting of parentheses.
pub const DEPTH_MAX: usize = 16;
/// Scopes of an expression, each mention counted; also the bits of the evaluation's stack.
pub const TERMS_MAX: usize = 64;
/// Bytes of an expression.
pub const EXPRESSION_BYTES_MAX: usize = 2_048;

/// A permission expression, kept in postfix order so that evaluating it neither recurses nor
/// allocates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Scope(Scope),
    And,
    Or,
}

/// The text is not an expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidExpression {
    /// Too long a text.
    #[error("an expression has at most {EXPRESSION_BYTES_MAX} bytes")]
    TooLong,
    /// Too many scopes.
    #[error("an expression names at most {TERMS_MAX} scopes")]
    TooManyTerms,
    /// Too deep parentheses.
    #[error("parentheses nest at most {DEPTH_MAX} deep")]
    TooDeep,
    /// No scope at all: nothing would be asked, or nothing could be granted.
    #[error("an expression names at least one scope")]
    Empty,
    /// Something else was expected.
    #[error("expected {expected} at position {position}")]
    Expected {
        /// What.
        expected: &'static str,
        /// Byte position, from 1.
        position: usize,
    },
    /// A scope that is none.
    #[error("the scope at position {position} is not valid: {problem}")]
    Scope {
        /// Byte position, from 1.
        position: usize,
        /// Why.
        problem: String,
    },
}

impl Expression {
    /// Any of these scopes.
    ///
    /// # Errors
    /// None, or too many.
    pub fn any_of(scopes: Vec<Scope>) -> Result<Self, InvalidExpression> {
        Self::joined(scopes, &Token::Or)
    }

    /// All of these scopes.
    ///
    /// # Errors
    /// None, or too many.
    pub fn all_of(scopes: Vec<Scope>) -> Result<Self, InvalidExpression> {
        Self::joined(scopes, &Token::And)
    }

    fn joined(scopes: Vec<Scope>, operator: &Token) -> Result<Self, InvalidExpression> {
        if scopes.is_empty() {
            return Err(InvalidExpression::Empty);
        }
        if scopes.len() > TERMS_MAX {
            return Err(InvalidExpression::TooManyTerms);
        }
        let mut tokens = Vec::with_capacity(scopes.len() * 2);
        for (index, scope) in scopes.into_iter().enumerate() {
            tokens.push(Token::Scope(scope));
            if index > 0 {
                tokens.push(operator.clone());
            }
        }
        Ok(Self(tokens))
    }

    /// Whether the expression holds, given which scopes are granted. Does not allocate.
    #[must_use]
    pub fn evaluate(&self, has: impl Fn(&Scope) -> bool) -> bool {
        // INVARIANT: at most TERMS_MAX values are open at once, so a u64 holds the stack.
        let mut stack: u64 = 0;
        for token in &self.0 {
            match token {
                Token::Scope(scope) => stack = (stack << 1) | u64::from(has(scope)),
                Token::And => stack = (stack >> 2) << 1 | (stack & (stack >> 1) & 1),
                Token::Or => stack = (stack >> 2) << 1 | ((stack | (stack >> 1)) & 1),
            }
        }
        stack & 1 == 1
    }

    /// The scopes, in the order of their first mention.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        let mentions = || {
            self.0.iter().filter_map(|token| match token {
                Token::Scope(scope) => Some(scope),
                Token::And | Token::Or => None,
            })
        };
        mentions().enumerate().filter_map(move |(index, scope)| {
            let first = mentions().take(index).all(|earlier| earlier != scope);
            first.then_some(scope)
        })
    }

    /// Scopes whose grant would make the expression hold: the fewest where one or two are enough,
    /// otherwise a set of which none could be left out. (The fewest in general is the hitting-set
    /// problem, which no advice is worth.)
    #[must_use]
    pub fn smallest_missing(&self, has: impl Fn(&Scope) -> bool) -> Vec<Scope> {
        if self.evaluate(&has) {
            return Vec::new();
        }
        let enough = |added: &[&Scope]| self.evaluate(|scope| has(scope) || added.contains(&scope));
        let missing: Vec<&Scope> = self.scopes().filter(|scope| !has(scope)).collect();
        let one = missing.iter().find(|one| enough(&[one]));
        if let Some(one) = one {
            return vec![(*one).clone()];
        }
        let mut pairs = missing.iter().enumerate().flat_map(|(index, left)| {
            let later = missing.iter().skip(index + 1);
            later.map(move |right| [*left, *right])
        });
        if let Some([left, right]) = pairs.find(|pair| enough(pair)) {
            return vec![left.clone(), right.clone()];
        }
        let mut needed = self.shortest_by_part(&has);
        for index in (0..needed.len()).rev() {
            let dropped = needed.remove(index);
            if !enough(&needed.iter().collect::<Vec<_>>()) {
                needed.insert(index, dropped);
            }
        }
        needed
    }

    /// A set that is enough, chosen part by part: of alternatives the shorter one.
    fn shortest_by_part(&self, has: impl Fn(&Scope) -> bool) -> Vec<Scope> {
        let mut stack: Vec<Vec<Scope>> = Vec::new();
        for token in &self.0 {
            let wanted = match token {
                Token::Scope(scope) if has(scope) => Vec::new(),
                Token::Scope(scope) => vec![scope.clone()],
                Token::And | Token::Or => {
                    let right = stack.pop().unwrap_or_default();
                    let left = stack.pop().unwrap_or_default();
                    if *token == Token::And {
                        union(left, right)
                    } else {
                        shorter(left, right)
                    }
                }
            };
            stack.push(wanted);
        }
        stack.pop().unwrap_or_default()
    }
}

fn union(mut left: Vec<Scope>, right: Vec<Scope>) -> Vec<Scope> {
    for scope in right {
        if !left.contains(&scope) {
            left.push(scope);
        }
    }
    left
}

fn shorter(left: Vec<Scope>, right: Vec<Scope>) -> Vec<Scope> {
    if right.len() < left.len() {
        right
    } else {
        left
    }
}

impl FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Self, InvalidExpression> {
        if text.len() > EXPRESSION_BYTES_MAX {
            return Err(InvalidExpression::TooLong);
        }
        let mut parser = Parser {
            words: words(text),
            next: 0,
            end: text.len() + 1,
            terms: 0,
        };
        if parser.words.is_empty() {
            return Err(InvalidExpression::Empty);
        }
        let mut output = Vec::new();
        parser.alternatives(&mut output, 0)?;
        match parser.peek() {
            None => Ok(Self(output)),
            Some((_, position)) => Err(InvalidExpression::Expected {
                expected: "AND, OR or the end",
                position,
            }),
        }
    }
}

/// The words of a text, with their positions from 1. Parentheses are words.
fn words(text: &str) -> Vec<(&str, usize)> {
    let mut words = Vec::new();
    let mut rest = text;
    let mut position = 1;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if c.is_ascii_whitespace() => {
                rest = rest.get(1..).unwrap_or_default();
                position += 1;
                continue;
            }
            '(' | ')' => 1,
            _ => rest
                .find(|c: char| c.is_ascii_whitespace() || c == '(' || c == ')')
                .unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(length);
        words.push((word, position));
        rest = after;
        position += length;
    }
    words
}

struct Parser<'a> {
    words: Vec<(&'a str, usize)>,
    next: usize,
    end: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<(&'a str, usize)> {
        self.words.get(self.next).copied()
    }

    fn take_operator(&mut self, operator: &str) -> bool {
        let found = self
            .peek()
            .is_some_and(|(word, _)| word.eq_ignore_ascii_case(operator));
        self.next += usize::from(found);
        found
    }

    fn alternatives(
        &mut self,
        output: &mut Vec<Token>,
        depth: usize,
    ) -> Result<(), InvalidExpression> {
        self.conjunction(output, depth)?;
        while self.take_operator("OR") {
            self.conjunction(output, depth)?;
            output.push(Token::Or);
        }
        Ok(())
    }

    fn conjunction(
        &mut self,
        output: &mut Vec<Token>,
        depth: usize,
    ) -> Result<(), InvalidExpression> {
        self.term(output, depth)?;
        while self.take_operator("AND") {
            self.term(output, depth)?;
            output.push(Token::And);
        }
        Ok(())
    }

    fn term(&mut self, output: &mut Vec<Token>, depth: usize) -> Result<(), InvalidExpression> {
        let expected = |position| InvalidExpression::Expected {
            expected: "a scope or `(`",
            position,
        };
        let (word, position) = self.peek().ok_or_else(|| expected(self.end))?;
        let operator = word.eq_ignore_ascii_case("AND") || word.eq_ignore_ascii_case("OR");
        if word == ")" || operator {
            return Err(expected(position));
        }
        self.next += 1;
        if word == "(" {
            return self.parenthesised(output, depth);
        }
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(InvalidExpression::TooManyTerms);
        }
        let scope = word
            .parse::<Scope>()
            .map_err(|problem| InvalidExpression::Scope {
                position,
                problem: problem.to_string(),
            })?;
        output.push(Token::Scope(scope));
        Ok(())
    }

    fn parenthesised(
        &mut self,
        output: &mut Vec<Token>,
        depth: usize,
    ) -> Result<(), InvalidExpression> {
        if depth >= DEPTH_MAX {
            return Err(InvalidExpression::TooDeep);
        }
        self.alternatives(output, depth + 1)?;
        match self.peek() {
            Some((")", _)) => {
                self.next += 1;
                Ok(())
            }
            found => {
                let position = found.map_or(self.end, |(_, position)| position);
                Err(InvalidExpression::Expected {
                    expected: "`)`",
                    position,
                })
            }
        }
    }
}

impl fmt::Display for Expression {
    /// Canonical: parentheses only where OR stands inside AND.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // (text, whether its outermost operator is OR)
        let mut stack: Vec<(String, bool)> = Vec::new();
        for token in &self.0 {
            let printed = match token {
                Token::Scope(scope) => (scope.to_string(), false),
                Token::And | Token::Or => {
                    let right = stack.pop().unwrap_or_default();
                    let left = stack.pop().unwrap_or_default();
                    if *token == Token::Or {
                        (alloc::format!("{} OR {}", left.0, right.0), true)
                    } else {
                        (
                            alloc::format!("{} AND {}", closed(left), closed(right)),
                            false,
                        )
                    }
                }
            };
            stack.push(printed);
        }
        formatter.write_str(&stack.pop().unwrap_or_default().0)
    }
}

fn closed((text, alternatives): (String, bool)) -> String {
    if alternatives {
        alloc::format!("({text})")
    } else {
        text
    }
}

#[cfg(test)]
mod tests;
