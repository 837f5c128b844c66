//! Short-lived credentials for the files of one table or volume: S3 by AssumeRole with a session policy, Azure by
//! user-delegation SAS, Google Cloud by downscoped token.
//!
//! Whole files show every row and every value, so they are open only to whoever may read the data whole and in clear: a
//! [`Scope`] is made of permits and of nothing else. Never decides who may do what, never keeps a credential, never shows a
//! secret in an error or a log. Begin with [`Scope::table`] and [`Vendor::vend`].

mod aws;
mod azure;
mod credentials;
mod error;
mod gcp;
mod post;
mod scope;
mod settings;
mod vendor;

pub use credentials::{Credentials, Token};
pub use error::VendError;
pub use scope::{Access, Scope};
pub use settings::StoreSettings;
pub use vendor::{LIFETIME, Vendor};
