//! Names in machine-readable output, as people write them.

use std::fmt::Display;

use serde::Serializer;

/// Writes a name as its text: a job as `sales/load_orders`, a dataset as `sales/orders/v1`.
pub(crate) fn of<S: Serializer>(name: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(name)
}
