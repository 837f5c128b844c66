//! Why a request, or an act upon one, is refused.

use chrono::{DateTime, Utc};
use polder_model::{PrincipalName, SecurableKind};

/// Why something is refused. Displayed, it is for whoever acts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The requester may not know of what it asks for. It must be told exactly what is told of what does not exist.
    #[error("there is no such dataset, or you may not know of it")]
    Hidden,
    /// What is asked for is no dataset.
    #[error("a {kind} cannot be asked for: ask for a table, a view or a volume in it")]
    NotADataset {
        /// What it is.
        kind: SecurableKind,
    },
    /// The requester may not ask for that beneficiary.
    #[error(
        "you cannot ask for {beneficiary}: ask for yourself, a group that you are in, or a service principal of your own domain"
    )]
    NotForThem {
        /// For whom it was asked.
        beneficiary: PrincipalName,
    },
    /// There is nothing that the PII level would show.
    #[error("there is no personal data in it: ask for the regular level")]
    NoPersonalData,
    /// Nobody could approve.
    #[error(
        "no data-protection group is named, so nobody can approve the PII level: name one under server.access.dataProtection in polder.yaml"
    )]
    NoDataProtection,
    /// No purpose is given.
    #[error("say what the access is for: those who decide need a purpose")]
    NoPurpose,
    /// Its end is not in the future.
    #[error("access until {until} is over already")]
    Over {
        /// The end.
        until: DateTime<Utc>,
    },
    /// It lasts too long.
    #[error("access may be asked for at most {maximum_days} days")]
    TooLong {
        /// The most days.
        maximum_days: u32,
    },
    /// Nobody decides for itself.
    #[error("nobody decides on access of their own: this request is yours, or gives you something")]
    OwnRequest,
    /// It takes a person.
    #[error("access is approved and confirmed by people, not by service principals")]
    NotAPerson,
    /// The actor has no say.
    #[error("only {who} may do this")]
    NotYours {
        /// Who may, in words.
        who: &'static str,
    },
    /// The same person a second time.
    #[error("you have approved this already: someone else has to be the second")]
    AlreadyApproved,
    /// The state does not allow it.
    #[error("the request is {state}: {possible}")]
    NotNow {
        /// The state's word.
        state: &'static str,
        /// What would be possible, in words.
        possible: &'static str,
    },
}

impl Refusal {
    /// A word for programs, which stays as it is.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Hidden => "not_found",
            Self::NotADataset { .. } => "not_a_dataset",
            Self::NotForThem { .. } => "not_for_them",
            Self::NoPersonalData => "no_personal_data",
            Self::NoDataProtection => "no_data_protection_group",
            Self::NoPurpose => "no_purpose",
            Self::Over { .. } => "access_is_over",
            Self::TooLong { .. } => "access_too_long",
            Self::OwnRequest => "own_request",
            Self::NotAPerson => "not_a_person",
            Self::NotYours { .. } => "not_yours",
            Self::AlreadyApproved => "already_approved",
            Self::NotNow { .. } => "not_now",
        }
    }
}
