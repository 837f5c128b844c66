//! What the tool says: lines of JSON, as "Machine-Readable UI" in its documentation has them. Kinds of lines that are not known here are
//! left out, as that page asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is destroyed, and another is made in its place.
    Replace,
    /// It is destroyed.
    Delete,
    /// It is forgotten, and stays.
    #[serde(alias = "forget")]
    Remove,
    /// It has another address in the configuration, and stays.
    Move,
    /// It was there, and is known from now on.
    Import,
    /// It is looked up.
    Read,
    /// Nothing.
    #[serde(other)]
    Noop,
}

impl Action {
    /// Whether what is there is lost.
    #[must_use]
    pub const fn destroys(self) -> bool {
        matches!(self, Self::Replace | Self::Delete)
    }

    /// What it does, as a word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Remove => "forget",
            Self::Move => "move",
            Self::Import => "import",
            Self::Read => "read",
            Self::Noop => "leave",
        }
    }
}

/// A resource that is changed, or was changed by others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its address within the root, such as `module.domain_odds.azurerm_storage_account.this["x"]`.
    pub address: String,
    /// What is done to it.
    pub action: Action,
}

/// Something that is wrong, in the tool's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What, in a line.
    pub summary: String,
    /// What else is said of it.
    pub detail: String,
    /// In which file of the root, and at which line.
    pub place: Option<(String, u64)>,
}

/// What happened to a resource while a plan was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// It is begun with.
    Started(Change),
    /// It is done.
    Done(Change),
    /// It failed.
    Failed(Change),
}

/// A line that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Planned(Change),
    Drifted(Change),
    Happened(Happened),
    Wrong(Diagnostic),
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type")]
    kind: String,
    change: Option<RawChange>,
    hook: Option<RawChange>,
    diagnostic: Option<RawDiagnostic>,
}

#[derive(Deserialize)]
struct RawChange {
    resource: RawResource,
    action: Option<Action>,
}

#[derive(Deserialize)]
struct RawResource {
    addr: String,
}

#[derive(Deserialize)]
struct RawDiagnostic {
    severity: String,
    summary: String,
    #[serde(default)]
    detail: String,
    range: Option<RawRange>,
}

#[derive(Deserialize)]
struct RawRange {
    filename: String,
    start: RawStart,
}

#[derive(Deserialize)]
struct RawStart {
    line: u64,
}

/// Reads a line. `None` when it is nothing that matters here, or no JSON.
pub(crate) fn line(text: &str) -> Option<Line> {
    let raw: Raw = serde_json::from_str(text).ok()?;
    let change = |raw: Option<RawChange>| {
        let raw = raw?;
        Some(Change { address: raw.resource.addr, action: raw.action.unwrap_or(Action::Noop) })
    };
    match raw.kind.as_str() {
        "planned_change" => change(raw.change).map(Line::Planned),
        "resource_drift" => change(raw.change).map(Line::Drifted),
        "apply_start" => change(raw.hook).map(|change| Line::Happened(Happened::Started(change))),
        "apply_complete" => change(raw.hook).map(|change| Line::Happened(Happened::Done(change))),
        "apply_errored" => change(raw.hook).map(|change| Line::Happened(Happened::Failed(change))),
        "diagnostic" => {
            let RawDiagnostic { severity, summary, detail, range } = raw.diagnostic?;
            let place = range.map(|range| (range.filename, range.start.line));
            (severity == "error").then_some(Line::Wrong(Diagnostic { summary, detail, place }))
        }
        _ => None,
    }
}

/// Reads outputs, without those that are secret.
pub(crate) fn outputs(text: &str) -> Result<BTreeMap<String, Value>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Output {
        sensitive: bool,
        value: Value,
    }
    let all: BTreeMap<String, Output> = serde_json::from_str(text)?;
    Ok(all.into_iter().filter(|(_, output)| !output.sensitive).map(|(name, output)| (name, output.value)).collect())
}
