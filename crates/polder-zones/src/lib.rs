//! Landing zones: how a mesh is laid out over tenants, subscriptions and networks, what everything in it is called and where its addresses
//! are, and whether it fits.
//!
//! Pure: it is given the desired state of every environment, the settings, and the addresses that were given out before; it reads no file
//! and knows no cloud. Begin with [`capacity::prove`].

pub mod addresses;
pub mod capacity;
pub mod layout;
pub mod names;
pub mod picture;
pub mod policy_tags;
pub mod space;
pub mod storage;
