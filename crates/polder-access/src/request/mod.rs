//! Access on request: who may ask for a dataset, who may decide, and what an approved request gives and for how long.
//!
//! Pure: facts about who acts and the time are passed in; what comes back is the request as it is then, with what has to be
//! done for it, or a refusal that says why. The states and the ways between them are in `states`, which alone can make
//! a state of a later one. Begin with [`Request::open`], [`Request::act`] and [`Request::tick`].

mod ask;
mod capacity;
mod decide;
mod grants;
mod refusal;
mod rules;
mod states;
mod words;

pub use ask::{Ask, Asking, RequestId};
pub use capacity::{Capacity, Facts};
pub use decide::{Act, Actor, Change, Effect, Event};
pub use refusal::Refusal;
pub use rules::Rules;
pub use states::{Approval, Approved, Ended, Expired, Provisioned, Rejected, Requested, Review, Revoked, Standing};
pub use words::{Words, WordsError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A request for access, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    id: RequestId,
    ask: Ask,
    asked: DateTime<Utc>,
    standing: Standing,
}

impl Request {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> RequestId {
        self.id
    }

    /// What was asked for; it never changes.
    #[must_use]
    pub const fn ask(&self) -> &Ask {
        &self.ask
    }

    /// When it was asked.
    #[must_use]
    pub const fn asked(&self) -> DateTime<Utc> {
        self.asked
    }

    /// How it stands.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The next moment at which time itself changes something: it has to be provisioned, reviewed, expired. `None` when it is over.
    #[must_use]
    pub fn due(&self) -> Option<DateTime<Utc>> {
        match &self.standing {
            Standing::Requested(_) => Some(self.ask.until),
            Standing::Approved(approved) => Some(approved.at()),
            Standing::Provisioned(given) => Some(given.reminder().map_or(self.ask.until, |next| next.min(self.ask.until))),
            Standing::Rejected(_) | Standing::Revoked(_) | Standing::Expired(_) => None,
        }
    }
}
