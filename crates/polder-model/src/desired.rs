//! The desired state of one environment: every resource that the descriptors declare, resolved.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::name::{EnvironmentName, TenantName};
use crate::resource::Resource;

/// Everything that one environment should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The organization's name, as written.
    pub organization: String,
    /// The tenant that the environment belongs to.
    pub tenant: TenantName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Whether only service principals act here.
    pub production: bool,
    /// Every resource by its key.
    pub resources: BTreeMap<Address, Declared>,
}

/// A resource with where it was declared.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The resource; shared, as plans and metastores of many thousand hold it too.
    pub resource: Arc<Resource>,
    /// The place in the files that declares it.
    pub origin: Origin,
}

/// A place in a descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The file, relative to the mesh's folder.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, in characters counted from 1.
    pub column: u32,
}

/// Written `domains/finance/domain.yaml:3:1`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
