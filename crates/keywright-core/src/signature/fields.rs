//! As much of Structured Field Values (RFC 9651) as `Signature-Input`, `Signature` and
//! `Content-Digest` need: dictionaries of inner lists and of byte sequences. What they do not need
//! (dates, decimals, display strings) is refused, and so is a name that stands twice.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::SignatureError;
use crate::token::base64url;

/// Bytes of one of these fields: three signatures that cover fifty components each.
pub const FIELD_BYTES_MAX: usize = 8 * 1024;
/// Members of a dictionary: the client's signature and one of each proxy on the way.
const MEMBERS_MAX: usize = 16;
/// Components of a signature: every header of an ordinary request.
const COMPONENTS_MAX: usize = 64;
/// Parameters of a signature or a component: twice as many as RFC 9421 knows.
const PARAMETERS_MAX: usize = 16;
/// Digits of an integer (RFC 9651, 3.3.1).
const INTEGER_DIGITS_MAX: usize = 15;

/// A value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Integer(i64),
    Text(String),
    Token(String),
    Boolean(bool),
    Bytes(Vec<u8>),
}

/// Parameters, in their order.
pub(super) type Parameters = Vec<(String, Item)>;

/// A string with its parameters: one covered component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) name: String,
    pub(super) parameters: Parameters,
}

/// An inner list with its parameters: what one signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Covered {
    pub(super) components: Vec<Component>,
    pub(super) parameters: Parameters,
}

/// Reads `Signature-Input`: labels with what they cover.
pub(super) fn covered(text: &str) -> Result<Vec<(String, Covered)>, SignatureError> {
    dictionary(text, |parser| parser.inner_list())
}

/// Reads `Signature` and `Content-Digest`: names with bytes.
pub(super) fn byte_sequences(text: &str) -> Result<Vec<(String, Vec<u8>)>, SignatureError> {
    dictionary(text, |parser| match parser.item()? {
        // Neither field has parameters of its own.
        Item::Bytes(bytes) if !parser.rest.starts_with(';') => Ok(bytes),
        _ => Err(SignatureError::Malformed),
    })
}

/// RFC 9651, 4.2.2.
fn dictionary<T>(
    text: &str,
    value: impl Fn(&mut Parser<'_>) -> Result<T, SignatureError>,
) -> Result<Vec<(String, T)>, SignatureError> {
    if text.len() > FIELD_BYTES_MAX {
        return Err(SignatureError::Malformed);
    }
    let mut parser = Parser {
        rest: text.trim_matches(' '),
    };
    let mut members: Vec<(String, T)> = Vec::new();
    loop {
        let key = parser.key()?;
        if !parser.take('=') || members.iter().any(|(known, _)| *known == key) {
            return Err(SignatureError::Malformed);
        }
        if members.len() == MEMBERS_MAX {
            return Err(SignatureError::Malformed);
        }
        members.push((key, value(&mut parser)?));
        parser.rest = parser.rest.trim_start_matches([' ', '\t']);
        if parser.rest.is_empty() {
            return Ok(members);
        }
        if !parser.take(',') {
            return Err(SignatureError::Malformed);
        }
        parser.rest = parser.rest.trim_start_matches([' ', '\t']);
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn take(&mut self, expected: char) -> bool {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> Result<char, SignatureError> {
        let mut characters = self.rest.chars();
        let first = characters.next().ok_or(SignatureError::Malformed)?;
        self.rest = characters.as_str();
        Ok(first)
    }

    fn while_matching(&mut self, matching: impl Fn(char) -> bool) -> &'a str {
        let end = self
            .rest
            .find(|character| !matching(character))
            .unwrap_or(self.rest.len());
        let (found, rest) = self.rest.split_at(end);
        self.rest = rest;
        found
    }

    /// RFC 9651, 4.2.3.3.
    fn key(&mut self) -> Result<String, SignatureError> {
        let key =
            self.while_matching(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-' | '.' | '*'));
        match key.chars().next() {
            Some('a'..='z' | '*') => Ok(key.to_string()),
            _ => Err(SignatureError::Malformed),
        }
    }

    /// RFC 9651, 4.2.1.2.
    fn inner_list(&mut self) -> Result<Covered, SignatureError> {
        if !self.take('(') {
            return Err(SignatureError::Malformed);
        }
        let mut components = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches(' ');
            if self.take(')') {
                let parameters = self.parameters()?;
                return Ok(Covered {
                    components,
                    parameters,
                });
            }
            let Item::Text(name) = self.item()? else {
                return Err(SignatureError::Malformed);
            };
            let parameters = self.parameters()?;
            components.push(Component { name, parameters });
            let many = components.len() > COMPONENTS_MAX;
            if many || !self.rest.starts_with([' ', ')']) {
                return Err(SignatureError::Malformed);
            }
        }
    }

    /// RFC 9651, 4.2.3.2; but a parameter that stands twice is refused.
    fn parameters(&mut self) -> Result<Parameters, SignatureError> {
        let mut parameters = Parameters::new();
        while self.take(';') {
            self.rest = self.rest.trim_start_matches(' ');
            let key = self.key()?;
            if parameters.iter().any(|(known, _)| *known == key) {
                return Err(SignatureError::Malformed);
            }
            let value = if self.take('=') {
                self.item()?
            } else {
                Item::Boolean(true)
            };
            if parameters.len() == PARAMETERS_MAX {
                return Err(SignatureError::Malformed);
            }
            parameters.push((key, value));
        }
        Ok(parameters)
    }

    fn item(&mut self) -> Result<Item, SignatureError> {
        match self.rest.chars().next() {
            Some('"') => self.text(),
            Some(':') => self.bytes(),
            Some('?') => self.boolean(),
            Some('-' | '0'..='9') => self.integer(),
            Some('A'..='Z' | 'a'..='z' | '*') => {
                let token = self.while_matching(|c| {
                    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c)
                });
                Ok(Item::Token(token.to_string()))
            }
            _ => Err(SignatureError::Malformed),
        }
    }

    fn text(&mut self) -> Result<Item, SignatureError> {
        self.take('"');
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Ok(Item::Text(text)),
                '\\' => match self.next()? {
                    escaped @ ('"' | '\\') => text.push(escaped),
                    _ => return Err(SignatureError::Malformed),
                },
                plain @ ' '..='~' => text.push(plain),
                _ => return Err(SignatureError::Malformed),
            }
        }
    }

    fn bytes(&mut self) -> Result<Item, SignatureError> {
        self.take(':');
        let encoded = self.while_matching(|c| c != ':');
        if !self.take(':') {
            return Err(SignatureError::Malformed);
        }
        from_base64(encoded)
            .map(Item::Bytes)
            .ok_or(SignatureError::Malformed)
    }

    fn boolean(&mut self) -> Result<Item, SignatureError> {
        self.take('?');
        match self.next()? {
            '0' => Ok(Item::Boolean(false)),
            '1' => Ok(Item::Boolean(true)),
            _ => Err(SignatureError::Malformed),
        }
    }

    fn integer(&mut self) -> Result<Item, SignatureError> {
        let sign = if self.take('-') { -1 } else { 1 };
        let digits = self.while_matching(|c| c.is_ascii_digit());
        if digits.len() > INTEGER_DIGITS_MAX || self.rest.starts_with('.') {
            return Err(SignatureError::Malformed);
        }
        let number: i64 = digits.parse().map_err(|_| SignatureError::Malformed)?;
        Ok(Item::Integer(sign * number))
    }
}

impl Covered {
    /// RFC 9651, 4.1.1.1: the one way to write it, which the signature base contains.
    pub(super) fn serialise(&self) -> String {
        let mut text = String::from("(");
        for (index, component) in self.components.iter().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(&component.serialise());
        }
        text.push(')');
        write_parameters(&mut text, &self.parameters);
        text
    }
}

impl Component {
    /// The name in quotes, with the parameters.
    pub(super) fn serialise(&self) -> String {
        let mut text = String::new();
        write_text(&mut text, &self.name);
        write_parameters(&mut text, &self.parameters);
        text
    }
}

fn write_parameters(text: &mut String, parameters: &Parameters) {
    for (key, value) in parameters {
        text.push(';');
        text.push_str(key);
        match value {
            Item::Boolean(true) => continue,
            Item::Boolean(false) => text.push_str("=?0"),
            Item::Integer(number) => text.push_str(&format!("={number}")),
            Item::Token(token) => text.push_str(&format!("={token}")),
            Item::Bytes(bytes) => text.push_str(&format!("=:{}:", to_base64(bytes))),
            Item::Text(value) => {
                text.push('=');
                write_text(text, value);
            }
        }
    }
}

fn write_text(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}

/// Base64 with padding (RFC 4648, section 4).
pub(super) fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    base64url::encode_into(&mut text, bytes);
    let mut text: String = text
        .chars()
        .map(|digit| match digit {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Base64 with padding; one value has one text.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) || text.contains(['-', '_']) {
        return None;
    }
    let digits = text
        .strip_suffix("==")
        .or_else(|| text.strip_suffix('='))
        .unwrap_or(text);
    let digits: String = digits
        .chars()
        .map(|digit| match digit {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    base64url::decode(&digits)
}
