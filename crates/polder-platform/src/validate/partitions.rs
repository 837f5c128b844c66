//! Personal data in the names of folders: the values of a partition column are part of the paths of its files.

use polder_descriptor::{Fault, Span};
use polder_model::{Column, Desired, Resource};

/// A fault for each partition column that is tagged `pii`: masks do not reach the names of folders, which listings, logs and
/// bills of the storage show in clear.
pub(super) fn faults(desired: &Desired) -> Vec<Fault> {
    let mut faults = Vec::new();
    for declared in desired.resources.values() {
        let Resource::Table(table) = &*declared.resource else { continue };
        for name in table.partition_columns.iter().filter(|name| table.column(name).is_some_and(Column::is_pii)) {
            let span = Span { line: declared.origin.line, column: declared.origin.column, length: 1 };
            let message = format!("column {name} is PII, and its values would be the names of folders, where no mask reaches");
            let fault = Fault::error(&declared.origin.file, span, "pii-partition", name, message);
            faults.push(fault.help("partition by another column, such as its year, its region or a hash of it"));
        }
    }
    faults
}
