//! Templates of URLs and JSON bodies: `{{dataset}}` in a text stands for a value, which can never become anything but a value.

use std::borrow::Cow;

use serde_json::Value;

use crate::error::ConfigError;
use crate::notice::Notice;

/// The names that a template may use.
pub(crate) const NAMES: [&str; 17] = [
    "event",
    "state",
    "request",
    "dataset",
    "kind",
    "level",
    "requester",
    "beneficiary",
    "purpose",
    "until",
    "environment",
    "tenant",
    "actor",
    "comment",
    "summary",
    "description",
    "ticket",
];

/// The longest summary, in characters: Jira refuses one of more than 255.
const SUMMARY_LIMIT: usize = 250;

/// What the names of a template stand for.
pub(crate) struct Values<'a> {
    pub(crate) notice: &'a Notice,
    pub(crate) ticket: &'a str,
}

impl Values<'_> {
    fn get(&self, name: &str) -> Cow<'_, str> {
        let Notice { tenant, environment, actor, comment, request, .. } = self.notice;
        Cow::Borrowed(match name {
            "event" => self.notice.happened(),
            "state" => &request.state,
            "request" => &request.id,
            "dataset" => &request.dataset,
            "kind" => &request.kind,
            "level" => &request.level,
            "requester" => &request.requester,
            "beneficiary" => &request.beneficiary,
            "purpose" => &request.purpose,
            "environment" => environment,
            "tenant" => tenant,
            "actor" => actor.as_deref().unwrap_or_default(),
            "comment" => comment,
            "ticket" => self.ticket,
            "until" => return Cow::Owned(request.until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
            "summary" => return Cow::Owned(self.notice.summary().chars().take(SUMMARY_LIMIT).collect()),
            "description" => return Cow::Owned(self.notice.words()),
            _ => "",
        })
    }
}

/// Checks that a template uses only names there are.
pub(crate) fn check(of: &str, key: &str, text: &str) -> Result<(), ConfigError> {
    let mut wrong = None;
    fill(text, |name| {
        if !NAMES.contains(&name) {
            wrong = Some(name.to_owned());
        }
        Cow::Borrowed("")
    });
    let message = |name| ConfigError::wrong(of, key, format!("uses {{{{{name}}}}}, and there are only {}", NAMES.join(", ")));
    wrong.map_or(Ok(()), |name| Err(message(name)))
}

/// Checks every text of a body.
pub(crate) fn check_body(of: &str, key: &str, body: &Value) -> Result<(), ConfigError> {
    match body {
        Value::String(text) => check(of, key, text),
        Value::Array(items) => items.iter().try_for_each(|item| check_body(of, key, item)),
        Value::Object(fields) => fields.values().try_for_each(|value| check_body(of, key, value)),
        _ => Ok(()),
    }
}

/// Fills in a URL. A value is one part of a path or query: nothing in it can begin another.
pub(crate) fn url(template: &str, values: &Values<'_>) -> String {
    fill(template, |name| {
        let value = values.get(name);
        // A part of a path that is `.` or `..` means another, even percent-encoded.
        if matches!(&*value, "." | "..") {
            return Cow::Borrowed("_");
        }
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
        let encode = |byte: u8| if unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        Cow::Owned(value.bytes().map(encode).collect())
    })
}

/// Fills in the texts of a body. A value stays within its text, whatever it holds.
pub(crate) fn body(template: &Value, values: &Values<'_>) -> Value {
    match template {
        Value::String(text) => Value::String(fill(text, |name| values.get(name))),
        Value::Array(items) => Value::Array(items.iter().map(|item| body(item, values)).collect()),
        Value::Object(fields) => Value::Object(fields.iter().map(|(key, value)| (key.clone(), body(value, values))).collect()),
        other => other.clone(),
    }
}

/// Replaces each `{{name}}`. What stands for one is not looked at again.
fn fill<'v>(template: &str, mut value: impl FnMut(&str) -> Cow<'v, str>) -> String {
    let (mut filled, mut rest) = (String::with_capacity(template.len()), template);
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        filled.push_str(&value(name.trim()));
        rest = after;
    }
    filled.push_str(rest);
    filled
}
