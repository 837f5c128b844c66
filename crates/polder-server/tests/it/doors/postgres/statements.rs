//! Statements: prepared, with values, in portals, as cursors, copied; and what is said of those that fail.

use bytes::Bytes;
use futures::TryStreamExt as _;
use tokio_postgres::Client;

use super::bed::{Door, TABLE, code, rows};

async fn refused(client: &Client, sql: &str) -> String {
    rows(client, sql).await.err().unwrap_or_else(|| panic!("{sql} is answered"))
}

#[tokio::test]
async fn values_are_bound_and_rows_come_in_binary() {
    let door = Door::new().await.loaded().await;
    let client = door.client("pii").await;
    let statement = client.prepare(&format!("SELECT id, name FROM {TABLE} WHERE id = $1 AND name <> $2")).await.unwrap();
    assert_eq!(statement.params(), [tokio_postgres::types::Type::INT8, tokio_postgres::types::Type::TEXT]);
    for (id, found) in [(1_i64, 1), (2, 0)] {
        let rows = client.query(&statement, &[&id, &"'; DROP TABLE x; --"]).await.unwrap();
        assert_eq!(rows.len(), found);
        for row in rows {
            assert_eq!((row.get::<_, i64>(0), row.get::<_, &str>(1)), (1, "Ana"));
        }
    }
}

#[tokio::test]
async fn rows_are_taken_from_portals_and_cursors_as_they_are_wanted() {
    let door = Door::new().await;
    let mut client = door.client("member").await;
    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind("SELECT value FROM generate_series(1, 5)", &[]).await.unwrap();
    let mut seen = Vec::new();
    for expected in [2, 2, 1] {
        let rows = transaction.query_portal(&portal, 2).await.unwrap();
        assert_eq!(rows.len(), expected);
        seen.extend(rows.iter().map(|row| row.get::<_, i64>(0)));
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    transaction.commit().await.unwrap();
    assert_eq!(refused(&client, "DECLARE c CURSOR FOR SELECT 1").await, "25P01");
    let declared =
        "BEGIN; DECLARE c CURSOR FOR SELECT value FROM generate_series(1, 5); FETCH 2 FROM c; MOVE 1 FROM c; FETCH ALL FROM c";
    assert_eq!(rows(&client, declared).await.unwrap(), ["1", "2", "4", "5"]);
    assert_eq!(refused(&client, "FETCH PRIOR FROM c").await, "55000");
    rows(&client, "ROLLBACK").await.unwrap();
    assert_eq!(refused(&client, "FETCH 1 FROM c").await, "34000");
}

#[tokio::test]
async fn rows_are_copied_out_in_every_form_and_nothing_is_copied_in() {
    let door = Door::new().await.loaded().await;
    let client = door.client("member").await;
    let copied = async |sql: &str| -> Vec<u8> {
        let parts: Vec<Bytes> = client.copy_out(sql).await.unwrap().try_collect().await.unwrap();
        parts.concat()
    };
    assert_eq!(copied(&format!("COPY (SELECT id, name, NULL FROM {TABLE}) TO STDOUT")).await, b"1\t***\t\\N\n");
    assert_eq!(copied(&format!("COPY {TABLE} (name, id) TO STDOUT (FORMAT csv, HEADER)")).await, b"name,id\n***,1\n");
    let binary = copied(&format!("COPY {TABLE} TO STDOUT BINARY")).await;
    assert!(binary.starts_with(b"PGCOPY\n\xff\r\n\0") && binary.ends_with(b"\xff\xff"));
    assert_eq!(refused(&client, &format!("COPY {TABLE} FROM STDIN")).await, "25006");
    assert_eq!(refused(&client, &format!("COPY {TABLE} TO '/tmp/x'")).await, "42501");
}

#[tokio::test]
async fn what_fails_says_why_in_the_codes_that_clients_know() {
    let door = Door::new().await;
    let client = door.client("member").await;
    for (sql, code) in [
        ("SELEC 1", "42601"),
        ("SELECT 'x", "42601"),
        ("SELECT * FROM finance.bronze.nope_v1", "42P01"),
        ("SELECT nope FROM finance.bronze.customer_v1", "42703"),
        ("SELECT nope(1)", "42883"),
        ("SELECT 1 / 0", "22012"),
        ("INSERT INTO finance.bronze.customer_v1 VALUES (1, 'x')", "25006"),
        ("CREATE TEMPORARY TABLE x (a int)", "25006"),
        ("SET ROLE olga", "42501"),
        ("SET no_such_thing TO 1", "42704"),
        ("SHOW no_such_thing", "42704"),
        ("EXECUTE nothing", "26000"),
        ("SAVEPOINT a", "25P01"),
        ("SELECT * FROM pg_class, finance.bronze.customer_v1", "0A000"),
        ("SELECT * FROM pg_catalog.nope", "42P01"),
        ("SELECT 'nope'::regclass", "42P01"),
    ] {
        assert_eq!(refused(&client, sql).await, code, "{sql}");
    }
    let error = client.simple_query("SELECT 1; SELECT ä FROM finance.bronze.customer_v1").await.unwrap_err();
    let error = error.as_db_error().unwrap();
    assert!(matches!(error.position(), Some(tokio_postgres::error::ErrorPosition::Original(18))), "{error:?}");
    assert!(error.hint().is_some(), "{error:?}");
}

#[tokio::test]
async fn a_transaction_that_failed_does_nothing_until_it_ends() {
    let door = Door::new().await;
    let client = door.client("member").await;
    rows(&client, "BEGIN; SAVEPOINT s").await.unwrap();
    assert_eq!(refused(&client, "SELECT nope(1)").await, "42883");
    assert_eq!(refused(&client, "SELECT 1").await, "25P02");
    rows(&client, "ROLLBACK TO s").await.unwrap();
    assert_eq!(rows(&client, "SELECT 1").await.unwrap(), ["1"]);
    assert_eq!(refused(&client, "SELECT nope(1)").await, "42883");
    rows(&client, "COMMIT").await.unwrap();
    assert_eq!(rows(&client, "SELECT 1").await.unwrap(), ["1"]);
    rows(&client, "BEGIN; SET application_name TO 'x'; ROLLBACK").await.unwrap();
    assert_eq!(rows(&client, "SHOW application_name").await.unwrap(), [""]);
    let error = client.execute("SELECT nope(1)", &[]).await.unwrap_err();
    assert_eq!(code(&error), "42883");
    assert_eq!(client.query_one("SELECT 1", &[]).await.unwrap().get::<_, i64>(0), 1);
}
