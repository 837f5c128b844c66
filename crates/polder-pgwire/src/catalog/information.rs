//! `information_schema`, as the SQL standard has it and clients of PostgreSQL expect it.

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use pgwire::api::Type;

use super::Facts;
use super::known::{Known, Relation};
use super::own::{self, Columns};
use crate::rows::pg_type_of;

/// The tables there are.
pub(super) const NAMES: [&str; 26] = [
    "applicable_roles",
    "character_sets",
    "check_constraints",
    "column_privileges",
    "columns",
    "constraint_column_usage",
    "constraint_table_usage",
    "domains",
    "element_types",
    "enabled_roles",
    "foreign_tables",
    "information_schema_catalog_name",
    "key_column_usage",
    "parameters",
    "referential_constraints",
    "role_table_grants",
    "routines",
    "schemata",
    "sequences",
    "table_constraints",
    "table_privileges",
    "tables",
    "triggers",
    "udt_privileges",
    "view_table_usage",
    "views",
];

/// Makes a table; `None` when there is none of that name.
pub(super) fn table(name: &str, facts: &Facts, known: &Known) -> Result<Option<RecordBatch>> {
    Ok(Some(match name {
        "tables" => tables(facts, known)?,
        "columns" => columns(facts, known)?,
        "schemata" => schemata(facts, known)?,
        "views" => views(facts, known)?,
        "table_privileges" | "role_table_grants" => privileges(facts, known)?,
        "character_sets" => Columns::of(1)
            .texts("character_set_catalog", None)
            .texts("character_set_schema", None)
            .texts("character_set_name", Some("UTF8"))
            .texts("character_repertoire", Some("UCS"))
            .texts("form_of_use", Some("UTF8"))
            .texts("default_collate_catalog", Some(&facts.database))
            .texts("default_collate_schema", Some("pg_catalog"))
            .texts("default_collate_name", Some("C.UTF-8"))
            .batch()?,
        "information_schema_catalog_name" => Columns::of(1).texts("catalog_name", Some(&facts.database)).batch()?,
        "enabled_roles" => Columns::of(1).texts("role_name", Some(&facts.user)).batch()?,
        name => match nothing(name) {
            Some(columns) => empty(columns)?,
            None => return Ok(None),
        },
    }))
}

/// The columns of tables that have no rows: there are no keys, no functions of anybody's own, no triggers.
fn nothing(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "table_constraints" => &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "constraint_type",
            "is_deferrable",
            "initially_deferred",
            "enforced",
            "nulls_distinct",
        ],
        "key_column_usage" => &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "#ordinal_position",
            "#position_in_unique_constraint",
        ],
        "referential_constraints" => &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "unique_constraint_catalog",
            "unique_constraint_schema",
            "unique_constraint_name",
            "match_option",
            "update_rule",
            "delete_rule",
        ],
        "constraint_column_usage" => &[
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
        ],
        "constraint_table_usage" => {
            &["table_catalog", "table_schema", "table_name", "constraint_catalog", "constraint_schema", "constraint_name"]
        }
        "check_constraints" => &["constraint_catalog", "constraint_schema", "constraint_name", "check_clause"],
        "routines" => &[
            "specific_catalog",
            "specific_schema",
            "specific_name",
            "routine_catalog",
            "routine_schema",
            "routine_name",
            "routine_type",
            "data_type",
            "type_udt_name",
            "routine_body",
            "routine_definition",
            "external_language",
            "is_deterministic",
            "security_type",
        ],
        "parameters" => &[
            "specific_catalog",
            "specific_schema",
            "specific_name",
            "#ordinal_position",
            "parameter_mode",
            "is_result",
            "as_locator",
            "parameter_name",
            "data_type",
            "udt_name",
            "parameter_default",
        ],
        "sequences" => &[
            "sequence_catalog",
            "sequence_schema",
            "sequence_name",
            "data_type",
            "#numeric_precision",
            "start_value",
            "minimum_value",
            "maximum_value",
            "increment",
            "cycle_option",
        ],
        "triggers" => &[
            "trigger_catalog",
            "trigger_schema",
            "trigger_name",
            "event_manipulation",
            "event_object_catalog",
            "event_object_schema",
            "event_object_table",
            "action_statement",
            "action_timing",
        ],
        "domains" => &["domain_catalog", "domain_schema", "domain_name", "data_type", "udt_name", "domain_default"],
        "element_types" => &[
            "object_catalog",
            "object_schema",
            "object_name",
            "object_type",
            "collection_type_identifier",
            "data_type",
            "udt_name",
        ],
        "foreign_tables" => &[
            "foreign_table_catalog",
            "foreign_table_schema",
            "foreign_table_name",
            "foreign_server_catalog",
            "foreign_server_name",
        ],
        "applicable_roles" => &["grantee", "role_name", "is_grantable"],
        "column_privileges" => &[
            "grantor",
            "grantee",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "privilege_type",
            "is_grantable",
        ],
        "udt_privileges" => &["grantor", "grantee", "udt_catalog", "udt_schema", "udt_name", "privilege_type", "is_grantable"],
        "view_table_usage" => &["view_catalog", "view_schema", "view_name", "table_catalog", "table_schema", "table_name"],
        _ => return None,
    })
}

fn empty(names: &[&str]) -> Result<RecordBatch> {
    let column = |columns: Columns, name: &&str| match name.strip_prefix('#') {
        Some(number) => columns.ints(number, None),
        None => columns.texts(name, None),
    };
    names.iter().fold(Columns::of(0), column).batch()
}

fn tables(facts: &Facts, known: &Known) -> Result<RecordBatch> {
    let all = &known.relations;
    let kind = |relation: &Relation| if relation.view { "VIEW" } else { "BASE TABLE" };
    Columns::of(all.len())
        .texts("table_catalog", Some(&facts.database))
        .text("table_schema", all.iter().map(|relation| Some(relation.schema.as_str())))
        .text("table_name", all.iter().map(|relation| Some(relation.name.as_str())))
        .text("table_type", all.iter().map(|relation| Some(kind(relation))))
        .texts("self_referencing_column_name", None)
        .texts("reference_generation", None)
        .texts("user_defined_type_catalog", None)
        .texts("user_defined_type_schema", None)
        .texts("user_defined_type_name", None)
        .texts("is_insertable_into", Some("NO"))
        .texts("is_typed", Some("NO"))
        .texts("commit_action", None)
        .batch()
}

/// One row of `columns`.
struct Column<'a> {
    relation: &'a Relation,
    name: &'a str,
    number: i32,
    optional: bool,
    data_type: &'a DataType,
    pg_type: Type,
}

impl Column<'_> {
    /// The type as the standard calls it.
    fn standard(&self) -> &'static str {
        match self.pg_type {
            Type::BOOL => "boolean",
            Type::INT2 => "smallint",
            Type::INT4 => "integer",
            Type::INT8 => "bigint",
            Type::FLOAT4 => "real",
            Type::FLOAT8 => "double precision",
            Type::NUMERIC => "numeric",
            Type::BYTEA => "bytea",
            Type::DATE => "date",
            Type::TIME => "time without time zone",
            Type::TIMESTAMP => "timestamp without time zone",
            Type::TIMESTAMPTZ => "timestamp with time zone",
            Type::INTERVAL => "interval",
            Type::JSON => "json",
            _ if self.pg_type.name().starts_with('_') => "ARRAY",
            _ => "text",
        }
    }

    /// How many digits a number has, to which base, and how many of them are behind the point.
    fn digits(&self) -> Option<(i32, i32, Option<i32>)> {
        match self.data_type {
            DataType::Decimal128(precision, scale) => Some(((*precision).into(), 10, Some((*scale).into()))),
            _ => match self.pg_type {
                Type::INT2 => Some((16, 2, Some(0))),
                Type::INT4 => Some((32, 2, Some(0))),
                Type::INT8 => Some((64, 2, Some(0))),
                Type::FLOAT4 => Some((24, 2, None)),
                Type::FLOAT8 => Some((53, 2, None)),
                _ => None,
            },
        }
    }

    fn precision_of_time(&self) -> Option<i32> {
        match self.pg_type {
            Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME | Type::INTERVAL => Some(6),
            Type::DATE => Some(0),
            _ => None,
        }
    }
}

fn columns(facts: &Facts, known: &Known) -> Result<RecordBatch> {
    let all: Vec<Column<'_>> = known
        .relations
        .iter()
        .flat_map(|relation| (1..).zip(relation.columns.fields()).map(move |(number, field)| (relation, number, field)))
        .map(|(relation, number, field)| Column {
            relation,
            name: field.name(),
            number,
            optional: field.is_nullable(),
            data_type: field.data_type(),
            pg_type: pg_type_of(field.data_type()),
        })
        .collect();
    let yes_no = |yes: bool| if yes { "YES" } else { "NO" };
    let batch = Columns::of(all.len())
        .texts("table_catalog", Some(&facts.database))
        .text("table_schema", all.iter().map(|column| Some(column.relation.schema.as_str())))
        .text("table_name", all.iter().map(|column| Some(column.relation.name.as_str())))
        .text("column_name", all.iter().map(|column| Some(column.name)))
        .int("ordinal_position", all.iter().map(|column| column.number))
        .texts("column_default", None)
        .text("is_nullable", all.iter().map(|column| Some(yes_no(column.optional))))
        .text("data_type", all.iter().map(|column| Some(column.standard())))
        .ints("character_maximum_length", None)
        .ints("character_octet_length", None)
        .maybe("numeric_precision", all.iter().map(|column| column.digits().map(|(digits, ..)| digits)))
        .maybe("numeric_precision_radix", all.iter().map(|column| column.digits().map(|(_, base, _)| base)))
        .maybe("numeric_scale", all.iter().map(|column| column.digits().and_then(|(.., scale)| scale)))
        .maybe("datetime_precision", all.iter().map(Column::precision_of_time))
        .texts("interval_type", None)
        .ints("interval_precision", None);
    const NONE: [&str; 10] = [
        "character_set_catalog",
        "character_set_schema",
        "character_set_name",
        "collation_catalog",
        "collation_schema",
        "collation_name",
        "domain_catalog",
        "domain_schema",
        "domain_name",
        "scope_catalog",
    ];
    NONE.iter()
        .fold(batch, |columns, name| columns.texts(name, None))
        .texts("scope_schema", None)
        .texts("scope_name", None)
        .ints("maximum_cardinality", None)
        .texts("udt_catalog", Some(&facts.database))
        .texts("udt_schema", Some("pg_catalog"))
        .text("udt_name", all.iter().map(|column| Some(column.pg_type.name())))
        .text("dtd_identifier", std::iter::repeat_n(None, all.len()))
        .texts("is_self_referencing", Some("NO"))
        .texts("is_identity", Some("NO"))
        .texts("identity_generation", None)
        .texts("identity_start", None)
        .texts("identity_increment", None)
        .texts("identity_maximum", None)
        .texts("identity_minimum", None)
        .texts("identity_cycle", Some("NO"))
        .texts("is_generated", Some("NEVER"))
        .texts("generation_expression", None)
        .texts("is_updatable", Some("NO"))
        .batch()
}

fn schemata(facts: &Facts, known: &Known) -> Result<RecordBatch> {
    let all = own::schemas(known);
    Columns::of(all.len())
        .texts("catalog_name", Some(&facts.database))
        .text("schema_name", all.iter().map(|(name, _)| Some(*name)))
        .texts("schema_owner", Some(&facts.user))
        .texts("default_character_set_catalog", None)
        .texts("default_character_set_schema", None)
        .texts("default_character_set_name", None)
        .texts("sql_path", None)
        .batch()
}

fn views(facts: &Facts, known: &Known) -> Result<RecordBatch> {
    let all: Vec<&Relation> = known.relations.iter().filter(|relation| relation.view).collect();
    Columns::of(all.len())
        .texts("table_catalog", Some(&facts.database))
        .text("table_schema", all.iter().map(|relation| Some(relation.schema.as_str())))
        .text("table_name", all.iter().map(|relation| Some(relation.name.as_str())))
        .texts("view_definition", None)
        .texts("check_option", Some("NONE"))
        .texts("is_updatable", Some("NO"))
        .texts("is_insertable_into", Some("NO"))
        .texts("is_trigger_updatable", Some("NO"))
        .texts("is_trigger_deletable", Some("NO"))
        .texts("is_trigger_insertable_into", Some("NO"))
        .batch()
}

fn privileges(facts: &Facts, known: &Known) -> Result<RecordBatch> {
    let all = &known.relations;
    Columns::of(all.len())
        .texts("grantor", Some(&facts.user))
        .texts("grantee", Some(&facts.user))
        .texts("table_catalog", Some(&facts.database))
        .text("table_schema", all.iter().map(|relation| Some(relation.schema.as_str())))
        .text("table_name", all.iter().map(|relation| Some(relation.name.as_str())))
        .texts("privilege_type", Some("SELECT"))
        .texts("is_grantable", Some("NO"))
        .texts("with_hierarchy", Some("NO"))
        .batch()
}
