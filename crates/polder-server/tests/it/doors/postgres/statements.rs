//! Statements: prepared, with values, in portals, as cursors, copied; and what is said of those that fail.

use bytes::Bytes;
use futures::{SinkExt as _, TryStreamExt as _};
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
async fn rows_are_changed_with_values_outside_of_transactions() {
    let door = Door::new().await.loaded().await;
    let mut client = door.client("owner").await;
    let insert = client.prepare(&format!("INSERT INTO {TABLE} (id, name) VALUES ($1, $2)")).await.unwrap();
    assert_eq!(insert.params(), [tokio_postgres::types::Type::INT8, tokio_postgres::types::Type::TEXT]);
    assert!(insert.columns().is_empty());
    assert_eq!(client.execute(&insert, &[&5_i64, &"'; DROP TABLE x; --"]).await.unwrap(), 1);
    assert_eq!(client.execute(&insert, &[&6_i64, &"Fay"]).await.unwrap(), 1);
    let update = format!("UPDATE {TABLE} SET name = $2 WHERE id = $1");
    assert_eq!(client.execute(&update, &[&6_i64, &"Fae"]).await.unwrap(), 1);
    assert_eq!(client.execute(&format!("DELETE FROM {TABLE} WHERE id = $1"), &[&5_i64]).await.unwrap(), 1);
    assert_eq!(rows(&client, &format!("SELECT id, name FROM {TABLE} ORDER BY id")).await.unwrap(), ["1|Ana", "6|Fae"]);
    assert_eq!(rows(&client, &format!("SHOW GRANTS ON TABLE {TABLE}")).await.unwrap().len(), 0);
    assert_eq!(rows(&client, &format!("DESCRIBE HISTORY {TABLE} LIMIT 1")).await.unwrap().len(), 1);
    let transaction = client.transaction().await.unwrap();
    let error = transaction.execute(&format!("DELETE FROM {TABLE}"), &[]).await.unwrap_err();
    assert_eq!(code(&error), "25001");
    drop(transaction);
    rows(&client, &format!("PREPARE gone AS DELETE FROM {TABLE} WHERE id = 99")).await.unwrap();
    assert_eq!(client.execute("EXECUTE gone", &[]).await.unwrap(), 0);
    assert_eq!(rows(&client, &format!("OPTIMIZE {TABLE}")).await.unwrap().len(), 0);
    let changes =
        [format!("DELETE FROM {TABLE}"), "EXECUTE gone".to_owned(), format!("OPTIMIZE {TABLE}"), format!("VACUUM {TABLE}")];
    for sql in &changes {
        let transaction = client.transaction().await.unwrap();
        let extended = transaction.execute(sql, &[]).await.unwrap_err();
        drop(transaction);
        assert_eq!(code(&extended), "25001", "{sql}");
    }
    rows(&client, "SET default_transaction_read_only TO on").await.unwrap();
    for sql in &changes {
        assert_eq!(refused(&client, sql).await, "25006", "{sql}");
        assert_eq!(code(&client.execute(sql, &[]).await.unwrap_err()), "25006", "{sql}");
    }
    assert_eq!(rows(&client, &format!("DESCRIBE HISTORY {TABLE} LIMIT 1")).await.unwrap().len(), 1);
    // A question that is part of another statement changes nothing.
    rows(&client, "RESET default_transaction_read_only").await.unwrap();
    for sql in [
        format!("COPY (DELETE FROM {TABLE}) TO STDOUT"),
        format!("DECLARE c CURSOR WITH HOLD FOR DELETE FROM {TABLE}"),
        format!("EXPLAIN ANALYZE DELETE FROM {TABLE}"),
        format!("WITH x AS (DELETE FROM {TABLE}) SELECT 1"),
    ] {
        let said = refused(&client, &sql).await;
        assert!(["42501", "42601", "25006"].contains(&said.as_str()), "{sql}: {said}");
    }
    let member = door.client("member").await;
    assert_eq!(refused(&member, &format!("DELETE FROM {TABLE}")).await, "42501");
    assert_eq!(refused(&door.client("outsider").await, &format!("DELETE FROM {TABLE}")).await, "42P01");
    assert_eq!(rows(&client, &format!("SELECT count(*) FROM {TABLE}")).await.unwrap(), ["2"]);
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
async fn rows_are_copied_out_in_every_form() {
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
    assert_eq!(refused(&client, &format!("COPY {TABLE} TO '/tmp/x'")).await, "42501");
    assert_eq!(refused(&client, &format!("COPY {TABLE} FROM '/tmp/x'")).await, "42501");
}

/// Sends rows as copied data: how many were taken, or the code of the refusal.
async fn copied_in(client: &Client, sql: &str, parts: &[&str]) -> Result<u64, String> {
    let sink = client.copy_in::<_, Bytes>(sql).await.map_err(|error| code(&error))?;
    let mut sink = std::pin::pin!(sink);
    for part in parts {
        sink.send(Bytes::copy_from_slice(part.as_bytes())).await.map_err(|error| code(&error))?;
    }
    sink.finish().await.map_err(|error| code(&error))
}

#[tokio::test]
async fn rows_are_copied_in_all_of_them_or_none() {
    let door = Door::new().await.loaded().await;
    let client = door.client("owner").await;
    let into = format!("COPY {TABLE} FROM STDIN");
    assert_eq!(copied_in(&client, &into, &["2\tBe", "n\n3\t", "C\\x69d\\\\\n", "4\t\"D\", é\n\\.\n"]).await, Ok(3));
    let csv = format!("COPY {TABLE} (name, id) FROM STDIN (FORMAT csv, HEADER, DELIMITER ';')");
    assert_eq!(copied_in(&client, &csv, &["id;name\n5;\"E\n;\"\n"]).await, Ok(1));
    let all = ["1|Ana", "2|Ben", "3|Cid\\", "4|\"D\", é", "5|E\n;"];
    assert_eq!(rows(&client, &format!("SELECT id, name FROM {TABLE} ORDER BY id")).await.unwrap(), all);
    assert_eq!(copied_in(&client, &into, &[]).await, Ok(0));
    let sink = client.copy_in(&format!("COPY {TABLE} FROM STDIN BINARY")).await.unwrap();
    let types = [tokio_postgres::types::Type::INT8, tokio_postgres::types::Type::TEXT];
    let mut writer = std::pin::pin!(tokio_postgres::binary_copy::BinaryCopyInWriter::new(sink, &types));
    writer.as_mut().write(&[&-8_i64, &"\"H\"\n"]).await.unwrap();
    assert_eq!(writer.finish().await.unwrap(), 1);
    assert_eq!(client.execute(&format!("DELETE FROM {TABLE} WHERE id = -8 AND name = '\"H\"\n'"), &[]).await.unwrap(), 1);
    for (sql, data, expected) in [
        (&into, "6\tFay\nx\tGus\n", "22P04"),
        (&into, "6\n", "22P04"),
        (&into, "6\t\\N\n", "22P04"),
        (&into, "6\t\\xff\n", "22P04"),
        (&format!("COPY {TABLE} (id) FROM STDIN"), "6\n", "42601"),
        (&format!("COPY {TABLE} (id, nope) FROM STDIN"), "6\n", "42703"),
        (&format!("COPY {TABLE} FROM STDIN (FORMAT csv, HEADER)"), "id,name,more\n6,Fay,1\n", "22P04"),
        (&"COPY finance.bronze.nope_v1 FROM STDIN".to_owned(), "6\n", "42P01"),
        (&format!("COPY {TABLE} FROM STDIN BINARY"), "6\tFay\n and more of it, as text", "22P04"),
    ] {
        // A client of its own each: this one ends a COPY that never began twice, and is one answer off from then on.
        let refusal = copied_in(&door.client("owner").await, sql, &[data]).await.expect_err(sql);
        assert_eq!(refusal, expected, "{sql} {data:?}");
    }
    // A client that gives up, or goes.
    {
        let sink = client.copy_in::<_, Bytes>(&into).await.unwrap();
        let mut sink = std::pin::pin!(sink);
        sink.send(Bytes::from_static(b"7\tGus\n")).await.unwrap();
    }
    assert_eq!(rows(&client, &format!("SELECT count(*) FROM {TABLE}")).await.unwrap(), ["5"]);
    let mut begun = door.client("owner").await;
    let transaction = begun.transaction().await.unwrap();
    let in_transaction = transaction.copy_in::<_, Bytes>(&into).await.map(drop).unwrap_err();
    assert_eq!(code(&in_transaction), "25001");
    rows(&client, "SET default_transaction_read_only TO on").await.unwrap();
    assert_eq!(copied_in(&client, &into, &["6\tF\n"]).await.unwrap_err(), "25006");
    for (kind, expected) in [("member", "42501"), ("pii", "42501"), ("outsider", "42P01")] {
        assert_eq!(copied_in(&door.client(kind).await, &into, &["6\tF\n"]).await.unwrap_err(), expected, "{kind}");
    }
    assert_eq!(copied_in(&door.client("service").await, &into, &["6\tFay\n"]).await, Ok(1));
    let left = std::fs::read_dir(door.bed.folder().path().join(".polder/main/spill")).unwrap();
    let kept = left.flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).into_iter().flatten());
    assert_eq!(kept.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("copy-")).count(), 0);
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
        ("INSERT INTO finance.bronze.customer_v1 VALUES (1, 'x')", "42501"),
        ("CREATE TEMPORARY TABLE x (a int)", "0A000"),
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
async fn what_led_to_a_refusal_and_what_to_do_come_along() {
    let door = Door::new().await.loaded().await;
    let client = door.client("owner").await;
    rows(&client, "CREATE SCHEMA finance.tried").await.unwrap();
    rows(&client, "CREATE TABLE finance.tried.t (id bigint)").await.unwrap();
    for (sql, code, detail, hint) in [
        (format!("VACUUM {TABLE} RETAIN 0 HOURS"), "42601", "at least 7 days", "--allow-short"),
        (format!("RESTORE TABLE {TABLE} TO VERSION AS OF 99"), "42P01", "has no version 99: it has 0 to 1", "DESCRIBE HISTORY"),
        ("DROP SCHEMA finance.tried".to_owned(), "55000", "", "CASCADE"),
    ] {
        let error = client.simple_query(&sql).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), code, "{error:?}");
        assert!(error.detail().unwrap_or_default().contains(detail), "{sql}: {error:?}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{sql}: {error:?}");
    }
    rows(&client, "DROP SCHEMA finance.tried CASCADE").await.unwrap();
}

/// Everybody at once, over the wire: nobody is sent away, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_table_wait_for_each_other() {
    const WRITERS: i64 = 30;
    let door = Door::new().await;
    let owner = door.client("owner").await;
    rows(&owner, "CREATE TABLE finance.bronze.counted (id bigint, n bigint)").await.unwrap();
    rows(&owner, "INSERT INTO finance.bronze.counted VALUES (0, 0)").await.unwrap();
    let work = (0..WRITERS).map(|number| {
        // One of several writes otherwise: what it does is not undone by the others either.
        let sql = match number % 6 {
            5 => format!("INSERT INTO finance.bronze.counted VALUES ({number}, 0)"),
            4 => format!(
                "MERGE INTO finance.bronze.counted AS t USING (SELECT 0 AS id, {number} AS x) AS s ON t.id = s.id \
                 WHEN MATCHED THEN UPDATE SET n = t.n + 1"
            ),
            _ => "UPDATE finance.bronze.counted SET n = n + 1 WHERE id = 0".to_owned(),
        };
        let (door, kind) = (&door, if number % 2 == 0 { "owner" } else { "service" });
        async move { rows(&door.client(kind).await, &sql).await.unwrap_or_else(|code| panic!("{sql}: {code}")) }
    });
    futures::future::join_all(work).await;
    let inserted = WRITERS / 6;
    let found = rows(&owner, "SELECT count(*), sum(n) FROM finance.bronze.counted").await.unwrap();
    assert_eq!(found, [format!("{}|{}", inserted + 1, WRITERS - inserted)]);
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
