//! The permit: proof that an action was authorized, and the form in which its data may be seen.

use std::fmt;

use serde::{Deserialize, Serialize};

use polder_model::{Mask, Principal, Privilege, Role, Roles, Securable, TableName};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The principal whose rights count.
    pub principal: Principal,
    /// Whether it is the person at their own machine, with no server and no one named by `--as`: an account admin to whom the
    /// files are open anyway. Never set by a server.
    pub local_admin: bool,
    /// The admin roles that count for what is asked. None of them opens data.
    #[serde(default)]
    pub roles: Roles,
}

impl Caller {
    /// A principal with no more rights than its own.
    #[must_use]
    pub const fn new(principal: Principal) -> Self {
        Self { principal, local_admin: false, roles: Roles::NONE }
    }
}

/// What a caller wants to do with a securable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Know that it exists and read its description.
    Browse,
    /// Read rows of a table or view.
    Read,
    /// Add, change or delete rows of a table.
    Write,
    /// Read files of a volume.
    ReadFiles,
    /// Write files of a volume.
    WriteFiles,
    /// Create a catalog in the metastore.
    CreateCatalog,
    /// Create a schema in a catalog.
    CreateSchema,
    /// Create a table or view in a schema.
    CreateTable,
    /// Create a volume in a schema.
    CreateVolume,
    /// Grant, revoke, change or drop.
    Manage,
    /// Optimize, vacuum: change files without changing rows.
    Maintain,
    /// See how it is governed: grants of others, plans, the audit. Takes what managing takes, and changes nothing.
    Inspect,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 12] = [
        Self::Browse,
        Self::Read,
        Self::Write,
        Self::ReadFiles,
        Self::WriteFiles,
        Self::CreateCatalog,
        Self::CreateSchema,
        Self::CreateTable,
        Self::CreateVolume,
        Self::Manage,
        Self::Maintain,
        Self::Inspect,
    ];

    /// The action's word in audit records and errors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Browse => "browse",
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadFiles => "read files of",
            Self::WriteFiles => "write files of",
            Self::CreateCatalog => "create a catalog in",
            Self::CreateSchema => "create a schema in",
            Self::CreateTable => "create a table in",
            Self::CreateVolume => "create a volume in",
            Self::Manage => "manage",
            Self::Maintain => "maintain",
            Self::Inspect => "inspect",
        }
    }

    /// Whether it changes anything.
    #[must_use]
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Browse | Self::Read | Self::ReadFiles | Self::Inspect)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What happens to the values of one column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnRule {
    /// The column, as the table declares it.
    pub column: String,
    /// What is shown in place of its values.
    pub mask: Mask,
}

/// One fact that a decision rests on. Shown to people and kept in the audit; nothing branches on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Determinant {
    /// The caller is the local account admin.
    LocalAdmin,
    /// The caller has an admin role.
    Role {
        /// The role.
        role: Role,
    },
    /// The caller owns the securable or what it is in, itself or through the groups named, innermost first.
    Owner {
        /// What is owned.
        securable: Securable,
        /// The chain of groups from the caller to the owner, the owner last; empty when the caller is the owner.
        through: Vec<String>,
    },
    /// A grant gives a privilege, to the caller or through the groups named, innermost first.
    Grant {
        /// What was granted.
        privilege: Privilege,
        /// On what.
        securable: Securable,
        /// To whom.
        to: String,
        /// The chain of groups from the caller to `to`, `to` last; empty when the grant is to the caller.
        through: Vec<String>,
    },
    /// It is read through a view, by the rights of the view's owner, which the facts after this one are about.
    ViewOwner {
        /// The owner.
        owner: String,
    },
    /// It is a view that reads with the rights of its reader alone.
    Invoker {
        /// Whether those open all that it reads.
        opens: bool,
    },
    /// It is offered to the caller in a share, and read by the rights of the share's owner, which the facts after this one are about.
    Share {
        /// The share.
        share: String,
        /// Its owner.
        owner: String,
    },
    /// It is in no share that is offered to the caller.
    NotShared {
        /// The share.
        share: String,
    },
    /// The table declares hot storage, which the platform itself keeps.
    HotStorage,
    /// A privilege is missing.
    Missing {
        /// What would be needed.
        privilege: Privilege,
        /// On what.
        securable: Securable,
    },
    /// A guardrail forbids it.
    Guardrail {
        /// The policy's name, or `production` for the one that is built in.
        policy: String,
        /// Why, in the policy's own words when it has an `@reason` annotation.
        reason: String,
    },
    /// A row filter of one of the caller's groups applies.
    RowFilter {
        /// The group.
        group: String,
    },
    /// No such principal is known here.
    UnknownPrincipal,
    /// No such securable exists.
    NoSuchSecurable,
}

impl fmt::Display for Determinant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LocalAdmin => f.write_str("the local user is the account admin"),
            Self::Role { role } => write!(f, "the caller is a {role} admin"),
            Self::Owner { securable, through } => write!(f, "ownership of {securable}{}", Chain(through)),
            Self::Grant { privilege, securable, to, through } => {
                // A chain of one is the group that the grant is to.
                let chain = if through.len() > 1 { through.as_slice() } else { &[] };
                write!(f, "{privilege} on {securable}, granted to {to}{}", Chain(chain))
            }
            Self::ViewOwner { owner } => write!(f, "it is read by the rights of the view's owner, {owner}"),
            Self::Invoker { opens } => {
                let come_to = if *opens { "and they open all of it" } else { "and they do not open all of it" };
                write!(
                    f,
                    "the view has the rights of whoever reads it (rights: invoker): what is below it takes rights of the reader's own, {come_to}"
                )
            }
            Self::Share { share, owner } => write!(f, "it is in the share {share}, by the rights of its owner, {owner}"),
            Self::NotShared { share } => write!(f, "the share {share} does not offer it to the caller"),
            Self::HotStorage => f.write_str("the table declares hot storage, which the platform keeps"),
            Self::Missing { privilege, securable } => write!(f, "{privilege} on {securable} is missing"),
            Self::Guardrail { policy, reason } => write!(f, "guardrail {policy} forbids it: {reason}"),
            Self::RowFilter { group } => write!(f, "the row filter of group {group}"),
            Self::UnknownPrincipal => f.write_str("no such user or service principal is known here"),
            Self::NoSuchSecurable => f.write_str("no such object exists"),
        }
    }
}

/// A chain of groups in words; nothing when there is none.
struct Chain<'a>(&'a [String]);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " (through {})", self.0.join(" in ")) }
    }
}

/// Proof that one principal may do one thing with one securable, and in what form it may see the data.
///
/// Only this crate can make one. Catalog, engine, share and lake calls take it as an argument, so that an unchecked
/// access does not compile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permit {
    pub(crate) caller: Caller,
    pub(crate) action: Action,
    pub(crate) securable: Securable,
    pub(crate) column_rules: Vec<ColumnRule>,
    pub(crate) row_conditions: Option<Vec<String>>,
    pub(crate) determined_by: Vec<Determinant>,
}

impl Permit {
    /// Who may.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Do what.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// With what.
    #[must_use]
    pub const fn securable(&self) -> &Securable {
        &self.securable
    }

    /// The columns whose values are masked.
    #[must_use]
    pub fn column_rules(&self) -> &[ColumnRule] {
        &self.column_rules
    }

    /// The conditions of which a visible row fulfils at least one; `None` when every row is visible, empty when none is.
    #[must_use]
    pub fn row_conditions(&self) -> Option<&[String]> {
        self.row_conditions.as_deref()
    }

    /// Whether the data may be seen whole and in clear, so that files themselves may be handed out.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.column_rules.is_empty() && self.row_conditions.is_none()
    }

    /// The facts it rests on.
    #[must_use]
    pub fn determined_by(&self) -> &[Determinant] {
        &self.determined_by
    }

    /// The permit under which checks look at what is about to be written: whoever may write a table may have the table's own
    /// checks read it whole. `None` unless this is a permit to write. What the checks find is shown with PII left out.
    #[must_use]
    pub fn for_checks(&self) -> Option<Self> {
        let whole = Self { action: Action::Read, column_rules: Vec::new(), row_conditions: None, ..self.clone() };
        (self.action == Action::Write).then_some(whole)
    }

    /// The permit to fill a table that is being made: whoever may make tables in a schema may write those, until others know of them.
    /// `None` unless this is a permit to make tables in the table's schema.
    #[must_use]
    pub fn for_new_table(&self, table: &TableName) -> Option<Self> {
        let schema = Securable::Schema(table.catalog.clone(), table.schema.clone());
        let fills = self.action == Action::CreateTable && self.securable == schema;
        fills.then(|| Self { action: Action::Write, securable: Securable::Table(table.clone()), ..self.clone() })
    }

    /// The permit to make, keep or hand out the copy of what a permit to read through a share shows: in the copy nothing is hidden that
    /// the recipient may see, and nothing else is in it. `None` for any other permit.
    #[must_use]
    pub fn for_copy(&self, action: Action) -> Option<Self> {
        let shared = matches!(self.determined_by.first(), Some(Determinant::Share { .. }));
        let whole = Self { action, column_rules: Vec::new(), row_conditions: None, ..self.clone() };
        (shared && self.action == Action::Read).then_some(whole)
    }

    /// Makes a permit out of thin air, for tests of crates that demand one.
    #[cfg(feature = "test-permits")]
    #[must_use]
    pub fn for_tests(
        caller: Caller,
        action: Action,
        securable: Securable,
        column_rules: Vec<ColumnRule>,
        row_conditions: Option<Vec<String>>,
    ) -> Self {
        Self { caller, action, securable, column_rules, row_conditions, determined_by: Vec::new() }
    }
}
