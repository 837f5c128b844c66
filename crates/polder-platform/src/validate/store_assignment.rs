//! Whether a query's column may be stored in a sink's column: the ANSI rules of store assignment, without the casts that
//! lose digits in silence.

use polder_model::DataType;

/// Whether values may be stored, if need be by a cast that fails on a value that does not fit.
pub(crate) fn fits(from: &DataType, to: &DataType) -> bool {
    use DataType::{Array, Date, Decimal, Double, Float, Map, Struct, Timestamp, TimestampNtz};
    match (from, to) {
        (a, b) if a == b => true,
        (a, b) if whole(a) && whole(b) => true,
        (a, Decimal(..) | Float | Double) if whole(a) => true,
        (Decimal(_, scale), Decimal(_, kept)) => kept >= scale,
        (Decimal(_, 0), b) => whole(b),
        (Decimal(..), Float | Double) | (Float, Double) | (Date, Timestamp) => true,
        // What says no zone is of UTC here, as `now()` is.
        (TimestampNtz, Timestamp) => true,
        (Array(a), Array(b)) => fits(a, b),
        (Map(k, v), Map(l, w)) => fits(k, l) && fits(v, w),
        (Struct(a), Struct(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.name == y.name && fits(&x.data_type, &y.data_type))
        }
        _ => false,
    }
}

const fn whole(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Byte | DataType::Short | DataType::Integer | DataType::Long)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_rounded_or_reread_in_silence() {
        let check = |from: &str, to: &str| fits(&from.parse().unwrap(), &to.parse().unwrap());
        for (from, to) in [
            ("bigint", "int"),
            ("int", "decimal(10,2)"),
            ("decimal(25,2)", "decimal(12,2)"),
            ("decimal(12,2)", "double"),
            ("date", "timestamp"),
            ("timestamp_ntz", "timestamp"),
            ("array<int>", "array<bigint>"),
        ] {
            assert!(check(from, to), "{from} -> {to}");
        }
        for (from, to) in [
            ("double", "bigint"),
            ("double", "float"),
            ("decimal(12,4)", "decimal(12,2)"),
            ("double", "decimal(12,2)"),
            ("string", "int"),
            ("int", "string"),
            ("timestamp", "date"),
            ("timestamp", "timestamp_ntz"),
        ] {
            assert!(!check(from, to), "{from} -> {to}");
        }
    }
}
