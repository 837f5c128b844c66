//! The nouns of polder as plain data: names, addresses, column types, principals, privileges and the
//! resources a mesh is made of.
//!
//! Owns what every other crate means by a word (see `GLOSSARY.md`). Never reads a file, a clock or the
//! environment, and decides nothing: planning is `polder-plan`'s, authorization `polder-access`'s.
//! Begin with [`resource::Resource`], the node of the one graph, and [`address::Address`], its key.

pub mod address;
pub mod check;
pub mod column;
pub mod connection;
pub mod data_type;
pub mod dataset;
pub mod delta;
pub mod desired;
pub mod fault;
pub mod file_path;
pub mod job;
pub mod limit;
pub mod location;
pub mod name;
pub mod principal;
pub mod privilege;
pub mod resource;
pub mod role;
pub mod secret;
pub mod securable;
pub mod share;
pub mod store_option;
pub mod text;
pub mod usage;
pub mod zone;

pub use address::{Address, Kind};
pub use check::Check;
pub use column::{Column, Mask};
pub use data_type::DataType;
pub use dataset::{DatasetId, JobId, Version};
pub use desired::{Declared, Desired, Origin};
pub use file_path::{FilePath, FilePathError};
pub use location::{Location, Provider};
pub use name::{
    BucketName, DepartmentName, DomainName, EnvironmentName, JobName, NameError, ObjectName, PolicyName, PrincipalName,
    SchemaName, TenantName,
};
pub use principal::{Principal, PrincipalKind};
pub use privilege::Privilege;
pub use resource::Resource;
pub use role::{Role, Roles};
pub use securable::{Securable, SecurableKind, TableName};
