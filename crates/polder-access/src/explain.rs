//! Explanations: the decision about reading one dataset, in words for people.

use std::fmt;

use serde::{Deserialize, Serialize};

use polder_model::{Principal, PrincipalKind, PrincipalName, Securable};

use crate::authorizer::{Authorizer, Subject};
use crate::decision::Decision;
use crate::permit::{Action, Caller, ColumnRule, Determinant};

/// How much of personal data a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Columns tagged `pii` are masked.
    Regular,
    /// Columns tagged `pii` are in clear.
    Pii,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Regular => "regular",
            Self::Pii => "PII",
        })
    }
}

/// Whether a principal may read something, in what form, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The name that was asked about.
    pub name: PrincipalName,
    /// Who that is; `None` when it is not known.
    pub principal: Option<Principal>,
    /// What would be done: read, or for a volume read its files.
    pub action: Action,
    /// With what.
    pub securable: Securable,
    /// Whether it may.
    pub allowed: bool,
    /// Whether it may know that the securable exists.
    pub visible: bool,
    /// How much of personal data it sees; `None` when it may not read or when there is none.
    pub level: Option<Level>,
    /// The columns that it sees masked.
    pub masked: Vec<ColumnRule>,
    /// The conditions of which a visible row fulfils at least one; `None` when every row is visible.
    pub row_conditions: Option<Vec<String>>,
    /// The facts that this rests on.
    pub determined_by: Vec<Determinant>,
    /// Of a view: the same for each table and view that it reads.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<Explanation>,
}

impl Explanation {
    /// Adds what a view reads. Who may not read all of that may not read the view.
    #[must_use]
    pub fn reading(mut self, reads: Vec<Self>) -> Self {
        self.allowed &= reads.iter().all(|read| read.allowed);
        self.reads = reads;
        self
    }

    /// The same of a view that reads with the rights of its reader.
    #[must_use]
    pub fn reading_as_invoker(self, reads: Vec<Self>) -> Self {
        let opens = reads.iter().all(|read| read.allowed);
        let mut explanation = self.reading(reads);
        explanation.determined_by.push(Determinant::Invoker { opens });
        explanation
    }
}

impl Authorizer {
    /// Explains whether a principal may read something. Of a group it tells what someone may who is in no other.
    ///
    /// The answer holds more than the principal itself may know: it is for whoever may manage the securable.
    #[must_use]
    pub fn explain(&self, name: &PrincipalName, securable: &Securable) -> Explanation {
        let action = if matches!(securable, Securable::Volume(_)) { Action::ReadFiles } else { Action::Read };
        self.explanation(name, action, securable, |caller, subject| self.decide(caller, subject, action, securable))
    }

    /// Explains whether a principal may read what a view's query names, by the view owner's rights; see
    /// [`Authorizer::authorize_through`].
    #[must_use]
    pub fn explain_through(&self, name: &PrincipalName, owner: &PrincipalName, securable: &Securable) -> Explanation {
        self.explanation(name, Action::Read, securable, |caller, subject| self.decide_through(caller, subject, owner, securable))
    }

    fn explanation(
        &self,
        name: &PrincipalName,
        action: Action,
        securable: &Securable,
        decide: impl Fn(&Caller, Subject<'_>) -> Decision,
    ) -> Explanation {
        let known = self.principals.principal(name);
        let principal = known.as_ref().map(|(_, principal)| principal.clone());
        let id = self.securables.find(securable);
        let decision = known.map(|(id, principal)| {
            let caller = Caller::new(principal);
            decide(&caller, Subject::Known(self.principals.reach(id), caller.roles))
        });
        let mut explanation = Explanation {
            name: name.clone(),
            principal,
            action,
            securable: securable.clone(),
            allowed: false,
            visible: false,
            level: None,
            masked: Vec::new(),
            row_conditions: None,
            determined_by: vec![Determinant::UnknownPrincipal],
            reads: Vec::new(),
        };
        match decision {
            None => {}
            Some(Decision::Denied(denial)) => {
                explanation.visible = !denial.hidden;
                explanation.determined_by = denial.determined_by;
            }
            Some(Decision::Allowed(permit)) => {
                let personal = id.is_some_and(|id| self.securables.node(id).has_pii);
                let level = if permit.column_rules.is_empty() { Level::Pii } else { Level::Regular };
                explanation.level = personal.then_some(level);
                (explanation.allowed, explanation.visible) = (true, true);
                explanation.masked = permit.column_rules;
                explanation.row_conditions = permit.row_conditions;
                explanation.determined_by = permit.determined_by;
            }
        }
        explanation
    }
}

/// A line for the answer, then one for each fact, each masked column and each row condition.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = self.principal.as_ref().map_or_else(|| self.name.to_string(), ToString::to_string);
        let member = self.principal.as_ref().is_some_and(|p| p.kind == PrincipalKind::Group);
        let who = if member { format!("a member of {who}") } else { who };
        let (answer, may) = if self.allowed { ("yes", "may") } else { ("no", "may not") };
        write!(f, "{answer}: {who} {may} {} {}", self.action, self.securable)?;
        match self.level {
            Some(level) => write!(f, ", at the {level} level")?,
            None if self.allowed && self.action == Action::Read => f.write_str(", which has no pii columns")?,
            None => {}
        }
        if !self.allowed && !self.visible {
            f.write_str(", and may not know of it")?;
        }
        for fact in &self.determined_by {
            write!(f, "\n  because: {fact}")?;
        }
        for ColumnRule { column, mask } in &self.masked {
            write!(f, "\n  masked: {column} ({})", mask.as_str())?;
        }
        match self.row_conditions.as_deref() {
            None => {}
            Some([]) => f.write_str("\n  rows: none, for it is in no group with a row filter")?,
            Some(conditions) => conditions.iter().try_for_each(|condition| write!(f, "\n  rows where: {condition}"))?,
        }
        for read in &self.reads {
            write!(f, "\n  it reads {}", read.securable)?;
            for line in read.to_string().lines() {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}
