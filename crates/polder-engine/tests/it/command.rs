//! Commands, read and taken apart: what is said of those that are none, and that nothing of a text gets into a query unread.

use polder_engine::command::{Alteration, Command, Need, ObjectKind};
use polder_engine::{AsOf, read_command};

fn read(sql: &str) -> Command {
    read_command(sql).unwrap().unwrap_or_else(|| panic!("{sql} is no command"))
}

fn refused(sql: &str) -> String {
    read_command(sql).expect_err(sql).to_string()
}

#[test]
fn what_reads_is_no_command() {
    for sql in [
        "SELECT 1",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "EXPLAIN SELECT 1",
        "SHOW TABLES",
        "DESCRIBE a.b.c",
        "DESCRIBE TABLE a.b.c",
        "VALUES (1)",
        "",
        "'",
        "/*",
    ] {
        assert!(read_command(sql).unwrap().is_none(), "{sql}");
    }
}

#[test]
fn each_needs_what_it_does() {
    for (sql, need, tag) in [
        ("INSERT INTO a.b.c VALUES (1)", Need::Write, "INSERT 0"),
        ("-- why\nupdate a.b.c set x = 1", Need::Write, "UPDATE"),
        ("DELETE FROM a.b.c", Need::Write, "DELETE"),
        ("TRUNCATE TABLE a.b.c", Need::Write, "DELETE"),
        ("OPTIMIZE a.b.c", Need::Write, "OPTIMIZE"),
        ("VACUUM a.b.c RETAIN 200 HOURS DRY RUN", Need::Write, "VACUUM"),
        ("RESTORE TABLE a.b.c TO TIMESTAMP AS OF '2026-01-01'", Need::Write, "RESTORE"),
        ("GRANT SELECT ON TABLE a.b.c TO d", Need::Apply, "GRANT"),
        ("REVOKE ALL PRIVILEGES ON SCHEMA a.b FROM d", Need::Apply, "REVOKE"),
        ("SHOW GRANTS ON METASTORE", Need::Read, "SHOW"),
        ("DESC HISTORY a.b.c", Need::Read, "DESCRIBE"),
        ("CREATE DATABASE a.b", Need::Apply, "CREATE SCHEMA"),
        ("CREATE TABLE a.b.c CLONE a.b.d TIMESTAMP AS OF '2026-01-01 10:00'", Need::Apply, "CREATE TABLE"),
        ("DROP VIEW IF EXISTS a.b.c;", Need::Apply, "DROP VIEW"),
        ("COMMENT ON VOLUME a.b.c IS NULL", Need::Apply, "COMMENT"),
    ] {
        let command = read(sql);
        assert_eq!((command.needs(), command.tag()), (need, tag), "{sql}");
    }
}

#[test]
fn names_and_states_are_what_they_say() {
    let Command::Grants(change) = read("GRANT use schema, SELECT ON finance.gold.\"T\" TO data-owners, a.b@c.org, `x y`") else {
        panic!()
    };
    assert_eq!(change.privileges, ["use schema", "SELECT"]);
    assert_eq!(change.principals, ["data-owners", "a.b@c.org", "x y"]);
    assert_eq!((change.on.kind, change.on.name.to_string().as_str()), (ObjectKind::Table, "finance.gold.t"));
    let Command::Restore { to, .. } = read("RESTORE a.b.c TO VERSION AS OF 3") else { panic!() };
    assert_eq!(to, AsOf::Version(3));
    let Command::CreateTable(table) =
        read("CREATE TABLE a.b.c AS SELECT * FROM a.b.d VERSION AS OF 3 AS x WHERE x.y = 'it''s -- not'")
    else {
        panic!()
    };
    assert_eq!(table.query.unwrap(), "SELECT * FROM \"a\".\"b\".\"d\" VERSION AS OF 3 AS x WHERE x.y = 'it''s -- not'");
    let Command::CreateTable(table) = read("CREATE TABLE a.b.clone AS SELECT clone FROM a.b.clone VERSION AS OF 3") else {
        panic!()
    };
    assert_eq!(table.query.unwrap(), "SELECT clone FROM \"a\".\"b\".\"clone\" VERSION AS OF 3 AS \"clone\"");
    assert!(matches!(read("CREATE TABLE a.b.clone (clone int)"), Command::CreateTable(_)));
    let Command::Clone(clone) = read("CREATE TABLE a.b.clone DEEP CLONE a.b.clone VERSION AS OF 3") else { panic!() };
    assert_eq!((clone.as_of, clone.shallow), (Some(AsOf::Version(3)), false));
    let Command::Alter { alteration: Alteration::SetProperties(all), .. } =
        read("ALTER TABLE a.b.c SET TBLPROPERTIES ('k' = 'it''s', a.b = 'c')")
    else {
        panic!()
    };
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [("a.b".to_owned(), "c".to_owned()), ("k".to_owned(), "it's".to_owned())]);
}

#[test]
fn a_text_stays_what_it_is() {
    for text in ["a\\'' OR true --", "a''''b", "''''", "\\"] {
        let Command::CreateView(view) = read(&format!("CREATE VIEW a.b.c AS SELECT '{text}' AS x")) else { panic!() };
        assert_eq!(view.query, format!("SELECT '{text}' AS x"));
        let Command::Change(change) = read(&format!("DELETE FROM a.b.c WHERE x = '{text}'")) else { panic!() };
        assert!(change.touched("f").contains(&format!("x = '{text}'")), "{}", change.touched("f"));
    }
}

#[test]
fn what_is_none_says_where_and_what_was_expected() {
    for (sql, words) in [
        ("INSERT a.b.c VALUES (1)", "expected INTO, found a"),
        ("INSERT INTO a.b.c.d VALUES (1)", "up to three parts"),
        ("GRANT SELECT TO x", "expected ON"),
        ("GRANT SELECT ON TABLE a.b.c TO", "expected: identifier"),
        ("CREATE SOMETHING x", "expected SCHEMA, TABLE, VIEW or VOLUME"),
        ("CREATE TABLE a.b.c (x int, )", "expected"),
        ("CREATE TABLE a.b.c (x int) LOCATION 's3://x'", "expected the end of the statement, found LOCATION"),
        ("CREATE TABLE a.b.c (x string TAGS ('PII'))", "is no tag"),
        ("CREATE OR REPLACE SCHEMA a.b", "expected TABLE or VIEW after OR REPLACE"),
        ("CREATE OR REPLACE TABLE IF NOT EXISTS a.b.c (x int)", "exclude each other"),
        ("CREATE OR REPLACE TABLE a.b.c SHALLOW CLONE a.b.d", "takes the place of no table"),
        ("CREATE EXTERNAL TABLE a.b.c (x int)", "found EXTERNAL"),
        ("ALTER TABLE a.b.c SET OWNER TO x", "expected RENAME TO"),
        ("DROP TABLE a.b.c, a.b.d", "found ,"),
        ("VACUUM a.b.c RETAIN x HOURS", "a whole number"),
        ("RESTORE a.b.c TO 3", "VERSION AS OF"),
        ("DESCRIBE HISTORY a.b.c LIMIT -1", "a whole number"),
        ("MERGE INTO a.b.c USING a.b.d ON true", "expected WHEN MATCHED"),
        ("MERGE INTO a.b.c t USING (SELECT 1) ON true WHEN MATCHED THEN DELETE", "alias"),
        ("UPDATE a.b.c SET (x, y) = (1, 2)", "one by one"),
        ("INSERT INTO a.b.c SELECT N'x'' UNION SELECT 1 --'", "cannot be kept"),
        ("INSERT INTO a.b.c SELECT \"x\\\"\" UNION SELECT 1 --\"", "cannot be kept"),
        ("INSERT INTO a.b.c SELECT 1; DROP TABLE a.b.c", "the end of the statement"),
    ] {
        let said = refused(sql).to_lowercase();
        assert!(said.contains(&words.to_lowercase()), "{sql}: {said}");
    }
    let deep = format!("DELETE FROM a.b.c WHERE {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(refused(&deep).contains("nested") || refused(&deep).contains("build on each other"));
    let long = format!("DELETE FROM a.b.c WHERE x = 1{}", " OR x = 2".repeat(50_000));
    assert!(refused(&long).contains("build on each other"));
}
