//! Decisions: a permit, or a denial that knows how much it may say.

use std::fmt;

use serde::Serialize;

use polder_model::{Principal, PrincipalName, Securable};

use crate::permit::{Action, Determinant, Permit};

/// The answer to one question.
#[must_use = "a decision that nobody looks at protects nothing"]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes, in the form that the permit says.
    Allowed(Permit),
    /// No.
    Denied(Denial),
}

impl Decision {
    /// Whether it is allowed.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// The facts it rests on.
    #[must_use]
    pub fn determined_by(&self) -> &[Determinant] {
        match self {
            Self::Allowed(permit) => permit.determined_by(),
            Self::Denied(denial) => &denial.determined_by,
        }
    }

    /// The permit, or the denial as an error.
    ///
    /// # Errors
    /// The denial.
    #[expect(clippy::result_large_err, reason = "a permit is as large, and a denial is dealt with where it is got")]
    pub fn permit(self) -> Result<Permit, Denial> {
        match self {
            Self::Allowed(permit) => Ok(permit),
            Self::Denied(denial) => Err(denial),
        }
    }
}

/// Why something is not allowed.
///
/// What it displays is for the caller: it says what is missing and whom to ask, and of what the caller may not know it says
/// only what it would say if there were no such thing. [`Denial::determined_by`] is for the audit, never for the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct Denial {
    /// What was asked for.
    pub action: Action,
    /// With what.
    pub securable: Securable,
    /// By whom.
    pub principal: Principal,
    /// Whether the caller may not even know that it exists: the answer must then be "not found".
    pub hidden: bool,
    /// Who owns it, and so may grant what is missing; `None` when hidden.
    pub owner: Option<PrincipalName>,
    /// The facts it rests on.
    pub determined_by: Vec<Determinant>,
}

impl Denial {
    /// The guardrail that forbids it, if it is one.
    #[must_use]
    pub fn guardrail(&self) -> Option<&str> {
        self.determined_by.iter().find_map(|fact| match fact {
            Determinant::Guardrail { policy, .. } => Some(policy.as_str()),
            _ => None,
        })
    }

    fn missing(&self) -> Vec<String> {
        let privilege = |fact: &Determinant| match fact {
            Determinant::Missing { privilege, securable } => Some(format!("{privilege} on {securable}")),
            _ => None,
        };
        self.determined_by.iter().filter_map(privilege).collect()
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, securable, principal, .. } = self;
        if self.hidden {
            // No kind, for a name may be tried as a table and as a view; and no word of who asks or what for.
            return write!(f, "there is no {}, or you may not know of it", securable.full_name());
        }
        write!(f, "{principal} may not {action} {securable}")?;
        if let Some(guardrail) = self.determined_by.iter().find(|fact| matches!(fact, Determinant::Guardrail { .. })) {
            return write!(f, ": {guardrail}");
        }
        let missing = self.missing();
        if missing.is_empty() {
            return write!(f, ": that cannot be done with a {}", securable.kind());
        }
        write!(f, ": missing {}; ask ", missing.join(" and "))?;
        match &self.owner {
            Some(owner) => write!(f, "its owner, {owner},")?,
            None => f.write_str("an account admin")?,
        }
        f.write_str(" to grant it to a group you are in")
    }
}
