//! What drivers ask of the server itself: `GetSqlInfo`.

use arrow_flight::error::Result;
use arrow_flight::sql::SqlInfo;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};

/// The facts, in the dense union of the specification: the ADBC driver takes no other schema.
pub(crate) fn facts() -> Result<SqlInfoData> {
    let mut facts = SqlInfoDataBuilder::new();
    facts.append(SqlInfo::FlightSqlServerName, "polder");
    facts.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    facts.append(SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION);
    facts.append(SqlInfo::FlightSqlServerReadOnly, false);
    facts.append(SqlInfo::FlightSqlServerSql, true);
    facts.append(SqlInfo::FlightSqlServerSubstrait, false);
    facts.append(SqlInfo::FlightSqlServerTransaction, NO_TRANSACTIONS);
    facts.append(SqlInfo::FlightSqlServerCancel, true);
    facts.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    facts.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    facts.append(SqlInfo::FlightSqlServerStatementTimeout, 0);
    facts.append(SqlInfo::FlightSqlServerTransactionTimeout, 0);
    facts.append(SqlInfo::SqlDdlCatalog, false);
    facts.append(SqlInfo::SqlDdlSchema, false);
    facts.append(SqlInfo::SqlDdlTable, false);
    facts.append(SqlInfo::SqlIdentifierCase, LOWER_CASE);
    facts.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    facts.append(SqlInfo::SqlQuotedIdentifierCase, AS_WRITTEN);
    facts.append(SqlInfo::SqlAllTablesAreSelectable, false);
    facts.append(SqlInfo::SqlCatalogTerm, "catalog");
    facts.append(SqlInfo::SqlSchemaTerm, "schema");
    facts.append(SqlInfo::SqlCatalogAtStart, true);
    facts.build()
}

/// `SqlSupportedTransaction.SQL_SUPPORTED_TRANSACTION_NONE`
const NO_TRANSACTIONS: i32 = 0;
/// `SqlSupportedCaseSensitivity.SQL_CASE_SENSITIVITY_LOWERCASE`
const LOWER_CASE: i32 = 3;
/// `SqlSupportedCaseSensitivity.SQL_CASE_SENSITIVITY_CASE_INSENSITIVE`
const AS_WRITTEN: i32 = 1;

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, UnionMode};

    use super::*;

    /// The ADBC driver panics when any of this is otherwise.
    #[test]
    fn the_schema_is_that_of_the_specification() {
        let batch = facts().unwrap().record_batch([8]).unwrap();
        let schema = batch.schema();
        assert_eq!((schema.field(0).name().as_str(), schema.field(0).data_type()), ("info_name", &DataType::UInt32));
        assert!(!schema.field(0).is_nullable() && !schema.field(1).is_nullable());
        let DataType::Union(fields, UnionMode::Dense) = schema.field(1).data_type() else { panic!("{schema:?}") };
        let names: Vec<&str> = fields.iter().map(|(_, field)| field.name().as_str()).collect();
        let expected = ["string_value", "bool_value", "bigint_value", "int32_bitmask", "string_list", "int32_to_int32_list_map"];
        assert_eq!((schema.field(1).name().as_str(), names.as_slice()), ("value", &expected[..]));
        assert_eq!(batch.num_rows(), 1);
    }
}
