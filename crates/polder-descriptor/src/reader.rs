//! Reading a YAML tree into plain types: each field is asked for by its key, and every fault on the way is noted.
//!
//! Reading never stops at a fault: what can be read is read, so that all faults of a file come at once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use polder_model::privilege::PrivilegeError;
use polder_model::{DataType, NameError, Privilege, Provider, TableName, Version};

use crate::fault::{Fault, Severity, Span};
use crate::suggest;
use crate::yaml::{Entry, Node, Scalar, Value};

/// A value with where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it was written.
    pub(crate) span: Span,
}

impl<T> Spanned<T> {
    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

/// Reads one file's tree.
pub(crate) struct Reader<'f> {
    file: &'f Arc<str>,
    unknown_key: Severity,
    /// What was wrong so far.
    pub(crate) faults: Vec<Fault>,
}

/// What is wrong with a text that should have been a value of some type.
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// A type that is written as one text.
pub(crate) trait Written: Sized {
    /// Reads the text.
    fn read(text: &str) -> Result<Self, Problem>;
}

impl<'f> Reader<'f> {
    /// A reader that answers an unknown key with a fault of this severity.
    pub(crate) fn new(file: &'f Arc<str>, unknown_key: Severity) -> Self {
        Self { file, unknown_key, faults: Vec::new() }
    }

    /// The file that is read.
    pub(crate) fn file(&self) -> &'f Arc<str> {
        self.file
    }

    pub(crate) fn error(&mut self, span: Span, code: &'static str, offending: &str, message: impl Into<String>) -> &mut Fault {
        self.faults.push(Fault::error(self.file, span, code, offending, message));
        self.faults.last_mut().expect("one was pushed on the line before")
    }

    pub(crate) fn problem(&mut self, span: Span, offending: &str, problem: Problem) {
        self.error(span, problem.code, offending, problem.message).help = problem.help;
    }

    pub(crate) fn wrong_type(&mut self, node: &Node, what: impl Display, expected: &str) {
        let message = format!("{what} is {expected}, not {}", node.describe());
        self.error(node.span, "wrong-type", &node.offending(), message);
    }

    /// The fields of a map.
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, what: impl Display) -> Option<Fields<'n>> {
        match &node.value {
            Value::Map(entries) => Some(Fields { entries, span: node.span, asked: Vec::with_capacity(16), missing: Vec::new() }),
            _ => {
                self.wrong_type(node, what, "a map of keys and values");
                None
            }
        }
    }

    /// A text, as written.
    pub(crate) fn text(&mut self, node: &Node, what: impl Display) -> Option<Spanned<String>> {
        self.scalar(node, what).map(|scalar| Spanned { value: scalar.text.to_string(), span: node.span })
    }

    fn scalar<'n>(&mut self, node: &'n Node, what: impl Display) -> Option<&'n Scalar> {
        match &node.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => {
                self.wrong_type(node, what, "a text");
                None
            }
        }
    }

    /// A text that is a value of some type.
    pub(crate) fn parsed<T: Written>(&mut self, node: &Node, what: impl Display) -> Option<Spanned<T>> {
        let scalar = self.scalar(node, what)?;
        if scalar.open {
            return None;
        }
        match T::read(&scalar.text) {
            Ok(value) => Some(Spanned { value, span: node.span }),
            Err(problem) => {
                self.problem(node.span, &scalar.text, problem);
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn choice<T: Clone>(&mut self, node: &Node, what: impl Display, words: &[(&'static str, T)]) -> Option<T> {
        let scalar = self.scalar(node, &what)?;
        if scalar.open {
            return None;
        }
        if let Some((_, value)) = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&scalar.text)) {
            return Some(value.clone());
        }
        let help = suggest::hint(&scalar.text, words.iter().map(|(word, _)| *word));
        self.error(node.span, "unknown-value", &scalar.text, format!("{what} is never {:?}", scalar.text)).help = help;
        None
    }

    /// The items of a list; a single value counts as a list of one where `single` says so.
    pub(crate) fn items<'n>(&mut self, node: &'n Node, what: impl Display, single: bool) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Scalar(_) if single => std::slice::from_ref(node),
            _ => {
                self.wrong_type(node, what, "a list");
                &[]
            }
        }
    }

    /// The entries of a map whose keys are free.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node, what: impl Display) -> &'n [Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            _ => {
                self.wrong_type(node, what, "a map of keys and values");
                &[]
            }
        }
    }
}

/// The fields of a map. Keys that were never asked for are unknown: [`Fields::finish`] says so.
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
    pub(crate) span: Span,
    asked: Vec<&'static str>,
    /// What must be there and is not: the keys that would do, and the fault that says so.
    missing: Vec<(Vec<&'static str>, Fault)>,
}

impl<'n> Fields<'n> {
    /// The value of a key, if anything is written there.
    pub(crate) fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        self.raw(key).map(|entry| &entry.value).filter(|node| !node.is_null())
    }

    /// The entry of a key, even if its value is null.
    pub(crate) fn raw(&mut self, key: &'static str) -> Option<&'n Entry> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.entries.iter().find(|entry| &*entry.key == key)
    }

    /// Whether any of these keys is written.
    pub(crate) fn has_any(&self, keys: &[&str]) -> bool {
        self.entries.iter().any(|entry| keys.contains(&&*entry.key))
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&mut self, r: &mut Reader<'_>, key: &'static str, help: &str) -> Option<&'n Node> {
        match self.raw(key) {
            Some(entry) if entry.value.is_null() => {
                r.error(entry.span, "missing-value", key, format!("'{key}' has no value")).help = Some(help.to_owned());
                None
            }
            Some(entry) => Some(&entry.value),
            None => {
                self.missing(r, &[key], format!("'{key}' is missing"), help);
                None
            }
        }
    }

    /// Says that none of these keys is there, of which one must be.
    pub(crate) fn missing(&mut self, r: &mut Reader<'_>, keys: &[&'static str], message: impl Into<String>, help: &str) {
        let offending = self.entries.first().map_or("", |entry| &*entry.key);
        self.missing_at(r, keys, (self.span, offending), message, help);
    }

    /// The same, at a place of its own.
    pub(crate) fn missing_at(
        &mut self,
        r: &mut Reader<'_>,
        keys: &[&'static str],
        (span, offending): (Span, &str),
        message: impl Into<String>,
        help: &str,
    ) {
        let fault = r.error(span, "missing-key", offending, message);
        fault.help = Some(help.to_owned());
        self.missing.push((keys.to_vec(), fault.clone()));
    }

    /// A text, if there is one.
    pub(crate) fn text(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<Spanned<String>> {
        self.get(key).and_then(|node| r.text(node, format_args!("'{key}'")))
    }

    /// A text, or none: for descriptions.
    pub(crate) fn words(&mut self, r: &mut Reader<'_>, key: &'static str) -> String {
        self.text(r, key).map(|text| text.value).unwrap_or_default()
    }

    /// A value of some type, if there is one.
    pub(crate) fn parsed<T: Written>(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<Spanned<T>> {
        self.get(key).and_then(|node| r.parsed(node, format_args!("'{key}'")))
    }

    /// A value of some type that must be there.
    pub(crate) fn required<T: Written>(&mut self, r: &mut Reader<'_>, key: &'static str, help: &str) -> Option<Spanned<T>> {
        self.require(r, key, help).and_then(|node| r.parsed(node, format_args!("'{key}'")))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&mut self, r: &mut Reader<'_>, key: &'static str, default: bool) -> bool {
        let Some(node) = self.get(key) else { return default };
        match node.text() {
            Some("true" | "True" | "TRUE") => true,
            Some("false" | "False" | "FALSE") => false,
            Some(_) if matches!(&node.value, Value::Scalar(scalar) if scalar.open) => default,
            _ => {
                r.wrong_type(node, format_args!("'{key}'"), "true or false");
                default
            }
        }
    }

    /// One of a few words, if there is one.
    pub(crate) fn choice<T: Clone>(&mut self, r: &mut Reader<'_>, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        self.get(key).and_then(|node| r.choice(node, format_args!("'{key}'"), words))
    }

    /// The items of a list; none when the key is not there.
    pub(crate) fn items(&mut self, r: &mut Reader<'_>, key: &'static str) -> &'n [Node] {
        self.get(key).map_or(&[], |node| r.items(node, format_args!("'{key}'"), false))
    }

    /// Values of some type; one value counts as a list of one.
    pub(crate) fn list<T: Written>(&mut self, r: &mut Reader<'_>, key: &'static str) -> Vec<Spanned<T>> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let items = r.items(node, format_args!("'{key}'"), true);
        items.iter().filter_map(|item| r.parsed(item, format_args!("each of '{key}'"))).collect()
    }

    /// The entries of a map with free keys.
    pub(crate) fn entries(&mut self, r: &mut Reader<'_>, key: &'static str) -> &'n [Entry] {
        self.get(key).map_or(&[], |node| r.entries(node, format_args!("'{key}'")))
    }

    /// A map of texts.
    pub(crate) fn texts(&mut self, r: &mut Reader<'_>, key: &'static str) -> BTreeMap<String, Spanned<String>> {
        let entries = self.entries(r, key);
        texts(r, entries)
    }

    /// The fields of a map, if there is one.
    pub(crate) fn fields(&mut self, r: &mut Reader<'_>, key: &'static str) -> Option<Self> {
        self.get(key).and_then(|node| r.fields(node, format_args!("'{key}'")))
    }

    /// A map that is accepted whatever is in it.
    pub(crate) fn accept_map(&mut self, r: &mut Reader<'_>, key: &'static str) {
        self.entries(r, key);
    }

    /// Says which keys are unknown. One that is a missing key misspelt is told as that and the missing key not at all.
    ///
    /// A slip of the pen is an error, also where unknown keys are only warned of: a `tag:` for `tags:` would show in clear what
    /// was to be masked.
    pub(crate) fn finish(self, r: &mut Reader<'_>) {
        for entry in self.entries.iter().filter(|entry| !self.asked.contains(&&*entry.key)) {
            let near = suggest::nearest(&entry.key, self.asked.iter().copied());
            let help = match near {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("known here: {}", self.asked.join(", ")),
            };
            let meant =
                self.missing.iter().find(|(keys, _)| near.is_some_and(|near| keys.contains(&near))).map(|(_, fault)| fault);
            if let Some(meant) = meant {
                r.faults.retain(|fault| fault != meant);
            }
            let slip = near.is_some_and(|near| suggest::is_slip(&entry.key, near));
            let severity = if meant.is_some() || slip { Severity::Error } else { r.unknown_key };
            let fault = r.error(entry.span, "unknown-key", &entry.key, format!("there is no key '{}' here", entry.key));
            fault.severity = severity;
            fault.help = Some(help);
        }
    }
}

/// The texts of a map with free keys.
pub(crate) fn texts(r: &mut Reader<'_>, entries: &[Entry]) -> BTreeMap<String, Spanned<String>> {
    let read = |entry: &Entry| Some((entry.key.to_string(), r.text(&entry.value, format_args!("'{}'", entry.key))?));
    entries.iter().filter_map(read).collect()
}

impl Written for String {
    fn read(text: &str) -> Result<Self, Problem> {
        Ok(text.to_owned())
    }
}

/// What is wrong with a name, and what a name may look like.
pub(crate) fn name_problem(error: &NameError) -> Problem {
    let help = match error {
        NameError::Empty { .. } => "write a name".to_owned(),
        NameError::TooLong { limit, .. } => format!("shorten it to {limit} characters"),
        NameError::Character { alphabet, .. } => format!("use {alphabet}"),
        NameError::Start { .. } => "put a letter in front".to_owned(),
    };
    // The error's own hint behind the colon stands in the help already.
    let message = error.to_string();
    let message = message.split(": use ").next().unwrap_or(&message).to_owned();
    Problem { code: "invalid-name", message, help: Some(help) }
}

macro_rules! written_names {
    ($($name:ident),*) => {$(
        impl Written for polder_model::$name {
            fn read(text: &str) -> Result<Self, Problem> {
                Self::new(text).map_err(|error| name_problem(&error))
            }
        }
    )*};
}
written_names!(
    TenantName,
    EnvironmentName,
    DepartmentName,
    DomainName,
    SchemaName,
    ObjectName,
    JobName,
    BucketName,
    PrincipalName,
    PolicyName
);

impl Written for TableName {
    fn read(text: &str) -> Result<Self, Problem> {
        text.parse().map_err(|error| {
            let help = Some("write its full name: catalog.schema.table".to_owned());
            Problem { code: "invalid-name", message: format!("{error}"), help }
        })
    }
}

impl Written for Version {
    fn read(text: &str) -> Result<Self, Problem> {
        text.parse().map_err(|error| {
            let number = text.trim_start_matches(['v', 'V', '.']).split('.').next().and_then(|digits| digits.parse().ok());
            let meant = number.and_then(|number| Self::new(number).ok());
            let help = meant.map(|version| format!("did you mean '{version}'?"));
            Problem { code: "invalid-version", message: format!("{error}"), help }
        })
    }
}

impl Written for Provider {
    fn read(text: &str) -> Result<Self, Problem> {
        text.parse().map_err(|_| {
            let help = suggest::hint(text, Self::ALL.iter().map(|provider| provider.as_str()));
            Problem { code: "unknown-provider", message: format!("there is no provider {text:?}"), help }
        })
    }
}

impl Written for Privilege {
    fn read(text: &str) -> Result<Self, Problem> {
        text.parse().map_err(|error: PrivilegeError| {
            let near = suggest::nearest(text, Self::ALL.iter().map(|privilege| privilege.as_str()));
            let help = near.map_or_else(
                || "use one of Unity Catalog's, such as SELECT".to_owned(),
                |near| format!("did you mean '{near}'?"),
            );
            Problem { code: "unknown-privilege", message: error.to_string(), help: Some(help) }
        })
    }
}

impl Written for DataType {
    fn read(text: &str) -> Result<Self, Problem> {
        use polder_model::data_type::DataTypeError;
        text.parse().map_err(|error: DataTypeError| {
            let help = match &error {
                DataTypeError::Unknown { name, nearest } => suggest::nearest(name, Self::names()).or(*nearest).map_or_else(
                    || format!("use one of {}", Self::names().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean '{near}'?"),
                ),
                DataTypeError::Decimal { .. } => "write for example decimal(18,2)".to_owned(),
                DataTypeError::Syntax { .. } => {
                    "write for example array<string>, map<string,int> or struct<a:int,b:string>".to_owned()
                }
                DataTypeError::TooDeep => "make it flatter".to_owned(),
            };
            let code = if matches!(error, DataTypeError::Unknown { .. }) { "unknown-type" } else { "invalid-type" };
            Problem { code, message: error.to_string(), help: Some(help) }
        })
    }
}

/// A span of time: `90s`, `30m`, `24h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) u64);

impl Written for Seconds {
    fn read(text: &str) -> Result<Self, Problem> {
        let unit = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)].into_iter().find(|(unit, _)| text.ends_with(unit));
        let seconds = unit.and_then(|(unit, seconds)| text.strip_suffix(unit)?.trim().parse::<u64>().ok()?.checked_mul(seconds));
        let help = Some("write a number and s, m, h or d, such as 24h".to_owned());
        seconds.map(Self).ok_or_else(|| Problem {
            code: "invalid-duration",
            message: format!("{text:?} is not a span of time"),
            help,
        })
    }
}

/// A whole number of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl Written for Count {
    fn read(text: &str) -> Result<Self, Problem> {
        let problem = |_| Problem {
            code: "wrong-type",
            message: format!("{text:?} is not a whole number"),
            help: Some("write digits only".to_owned()),
        };
        text.parse().map(Self).map_err(problem)
    }
}
