//! What clients ask a PostgreSQL about itself: captured from psql, pgjdbc, Npgsql, SQLAlchemy and ADBC.

use super::bed::{Door, rows};

/// What Npgsql asks first, and Power BI with it, as one text.
const NPGSQL: &str = include_str!("npgsql.sql");

#[tokio::test]
async fn npgsql_loads_its_types_and_resets_its_sessions() {
    let door = Door::new().await;
    let client = door.client("member").await;
    let answers = rows(&client, NPGSQL).await.unwrap();
    assert!(answers[0].starts_with("PostgreSQL 16"), "{}", answers[0]);
    assert!(answers.contains(&"pg_catalog|20|int8|b|f|NULL".to_owned()), "{answers:?}");
    assert!(answers.contains(&"pg_catalog|1016|_int8|a|f|20".to_owned()), "{answers:?}");
    for sql in ["DISCARD ALL", "RESET ALL", "UNLISTEN *", "SELECT pg_advisory_unlock_all()", "CLOSE ALL", "DEALLOCATE ALL"] {
        rows(&client, sql).await.unwrap_or_else(|code| panic!("{sql}: {code}"));
    }
}

#[tokio::test]
async fn what_clients_ask_the_catalog_is_answered() {
    let door = Door::new().await;
    let client = door.client("member").await;
    for (sql, expected) in [
        ("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'finance/.%' ESCAPE '/'", "finance.bronze"),
        ("SELECT pg_client_encoding(), current_schema()", "UTF8|public"),
        ("SELECT pg_function_is_visible(1), txid_current() > 0", "t|t"),
        ("SELECT ARRAY(SELECT relname FROM pg_class WHERE relname LIKE 'customer%')", "{customer_v1}"),
        ("SELECT count(*) FROM information_schema.key_column_usage", "0"),
        ("SELECT count(*) FROM information_schema.referential_constraints", "0"),
        ("SELECT character_set_name FROM information_schema.character_sets", "UTF8"),
        ("SELECT constraint_name FROM information_schema.table_constraints UNION ALL SELECT 'none'", "none"),
        ("SELECT count(*) FROM (SELECT (information_schema._pg_expandarray(i.indkey)).n FROM pg_index i) x", "0"),
        ("SELECT typreceive FROM pg_type WHERE typname = 'int8' AND typreceive <> 0", "int8recv"),
        ("SELECT 'int8'::regtype::text, '\"finance.bronze\".customer_v1'::regclass > 0", "bigint|t"),
        ("SELECT column_name || ' ' || data_type FROM information_schema.columns WHERE column_name = 'id'", "id bigint"),
        ("SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attname = 'name' AND a.attnum = 2", "text"),
        ("SELECT rolname FROM pg_roles", "ana"),
        ("SELECT datname FROM pg_database", "dev"),
        ("SELECT setting FROM pg_settings WHERE name = 'max_index_keys'", "32"),
    ] {
        assert_eq!(rows(&client, sql).await, Ok(vec![expected.to_owned()]), "{sql}");
    }
    // Of the types of its arguments and results, too: the driver looks up what it does not know.
    let row = client.query_one("SELECT typtype, oid FROM pg_type WHERE typname = $1", &[&"int8"]).await.unwrap();
    assert_eq!((row.get::<_, i8>(0), row.get::<_, u32>(1)), (b'b'.cast_signed(), 20));
}

/// What psql asks for `\dp`.
const PSQL_DP: &str = include_str!("psql_dp.sql");

#[tokio::test]
async fn psql_lists_privileges_which_grants_beside_it_tell() {
    let door = Door::new().await;
    let client = door.client("member").await;
    let listed = rows(&client, PSQL_DP).await.unwrap();
    assert!(listed.iter().any(|row| row.starts_with("finance.bronze|customer_v1|table|")), "{listed:?}");
}

#[tokio::test]
async fn the_catalog_holds_no_files_and_makes_nothing_large() {
    let door = Door::new().await;
    let client = door.client("member").await;
    for sql in [
        "SELECT repeat('x', 1000000000) FROM pg_class",
        "SELECT * FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "CREATE EXTERNAL TABLE pg_x STORED AS CSV LOCATION '/etc/passwd'",
        "COPY pg_class TO '/tmp/pg_class'",
    ] {
        assert!(rows(&client, sql).await.is_err(), "{sql}");
    }
}
