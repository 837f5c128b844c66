//! What can go wrong with the metastore.

use polder_access::PolicyError;
use polder_model::{Address, Securable};
use polder_store::StoreError;

/// The metastore cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The store has a fault.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A guardrail that was applied is not a policy.
    #[error("the metastore's guardrails do not hold")]
    Policy(#[from] PolicyError),
    /// A permit for one thing was shown for another.
    #[error("a permit to {action} {securable} does not allow a change of {address}")]
    NotPermitted {
        /// What the permit is for.
        action: polder_access::Action,
        /// With what.
        securable: Securable,
        /// What was to be changed.
        address: Address,
    },
}

/// A name that names nothing the caller may know of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The text is not a name at all.
    #[error(
        "{text:?} is not a name: write a dataset as finance/customer/v1 or its table as finance.bronze.customer_v1, \
         a schema as finance.bronze, a catalog as finance"
    )]
    NotAName {
        /// The text.
        text: String,
    },
    /// There is no such thing, or the caller may not know of it.
    #[error("there is no {text}, or you may not know of it{}", hint(near))]
    NotFound {
        /// The name.
        text: String,
        /// The names closest to it among those the caller may know of, closest first.
        near: Vec<String>,
    },
}

fn hint(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(": did you mean {}?", near.join(" or ")) }
}
