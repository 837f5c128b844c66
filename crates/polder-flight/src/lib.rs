//! Arrow Flight SQL: results as Arrow batches, at the speed at which they are made.
