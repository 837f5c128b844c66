//! What planning held back, and why: a report beside the plan.

use std::fmt;

use polder_model::{Address, Origin};
use serde::{Deserialize, Serialize};

use crate::difference::Difference;

/// A change that was wanted and is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Where.
    pub address: Address,
    /// Why it is held back.
    pub why: Why,
    /// What to do about it.
    pub help: String,
    /// The place in the files that declares it.
    pub origin: Option<Origin>,
}

/// Why a change is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No file declares it any more, and deleting it would destroy data.
    HoldsData,
    /// Its data has to be kept for now, whoever allows it to be destroyed, and why.
    Retained(String),
    /// The declaration breaks what is there: data and readers of it do not fit any more.
    Breaking(Vec<Difference>),
    /// Nobody can say what is there.
    Unreadable(String),
    /// Something that is kept needs it.
    NeededBy(Address),
    /// It belongs to something that is kept.
    KeptWith(Address),
    /// It needs something that could not be read or is itself held back.
    WaitsFor(Address),
    /// Its files are where the files of something declared are.
    SharesFilesWith(Address),
}

impl Why {
    /// Whether the change is held back for the sake of data that it would destroy.
    #[must_use]
    pub const fn keeps_data(&self) -> bool {
        matches!(self, Self::HoldsData | Self::Retained(_) | Self::Breaking(_))
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HoldsData => f.write_str("no longer declared, but deleting it destroys its data"),
            Self::Retained(why) => f.write_str(why),
            Self::Breaking(differences) => {
                f.write_str("breaking change: ")?;
                for (i, difference) in differences.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{difference}")?;
                }
                Ok(())
            }
            Self::Unreadable(problem) => write!(f, "it could not be read: {problem}"),
            Self::NeededBy(address) => write!(f, "needed by {address}, which is kept"),
            Self::KeptWith(address) => write!(f, "kept together with {address}"),
            Self::WaitsFor(address) => write!(f, "waits for {address}"),
            Self::SharesFilesWith(address) => write!(f, "its files are in the place of {address}"),
        }
    }
}
