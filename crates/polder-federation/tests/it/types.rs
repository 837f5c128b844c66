//! Every type of every database, and values that are none of what they are declared as.

use polder_federation::Limits;
use polder_model::connection::{Database, DatabaseServer};
use polder_testkit::{MariadbServer, postgres, sqlite_file};

use crate::support::{ask, connections, context, open, postgresql, server, table};

#[tokio::test(flavor = "multi_thread")]
async fn types_of_postgresql() {
    let database = postgres().await.unwrap();
    database
        .run(
            "create domain money2 as numeric(10,2); create type mood as enum ('sad', 'ok');
             create table t (b boolean, s smallint, i int, l bigint, r real, d double precision, n numeric(10,2), m money2, f numeric, \
               dt date, ts timestamptz, tn timestamp(6), by bytea, x text, v varchar(9), c char(4), j jsonb, u uuid, a int[], e mood);
             insert into t values (true, -32768, 2147483647, -9223372036854775808, 1.5, 'NaN', 12345678.90, -0.01, 1.250, '2024-02-29', \
               '2024-06-01 12:00:00.123456+02', '1969-07-20 20:17:40.5', '\\x00ff', 'é''\"', 'abc', 'ab', '{\"k\": [1]}', \
               '00000000-0000-0000-0000-00000000000a', '{1,2}', 'ok'), (null, null, null, null, null, null, null, null, null, null, null, null, \
               null, null, null, null, null, null, null, null);",
        )
        .unwrap();
    let columns = [
        "b boolean?",
        "s smallint?",
        "i int?",
        "l bigint?",
        "r float?",
        "d double?",
        "n decimal(10,2)?",
        "m decimal(12,4)?",
        "f decimal(5,2)?",
        "dt date?",
        "ts timestamp?",
        "tn timestamp_ntz?",
        "by binary?",
        "x string?",
        "v string?",
        "c string?",
        "j string?",
        "u string?",
        "a string?",
        "e string?",
    ];
    let folder = tempfile::tempdir().unwrap();
    let connections = connections(folder.path(), Limits::default());
    let at = postgresql(&database);
    let t = context(open(&connections, &at, &table("public", "t", &columns)).await.unwrap());
    let first = "true|-32768|2147483647|-9223372036854775808|1.5|NaN|12345678.90|-0.0100|1.25|2024-02-29|2024-06-01T10:00:00.123456Z|\
                 1969-07-20T20:17:40.500|00ff|é'\"|abc|ab|{\"k\": [1]}|00000000-0000-0000-0000-00000000000a|{1,2}|ok";
    let missing = vec!["-"; columns.len()].join("|");
    assert_eq!(ask(&t, "select * from t").await.unwrap(), [first, missing.as_str()]);
    for (filter, count) in [
        ("b", 1),
        ("not b", 0),
        ("b is null", 1),
        ("l < 0", 1),
        ("s in (1, -32768)", 1),
        ("s not in (1, -32768)", 0),
        ("i between 1 and 2147483647", 1),
        ("n = 12345678.90", 1),
        ("m < 0", 1),
        ("dt = date '2024-02-29'", 1),
        ("dt > date '2024-02-29'", 0),
        ("ts = timestamp '2024-06-01T10:00:00.123456Z'", 1),
        ("tn < timestamp '1969-07-20T20:17:40.500001'", 1),
        // Spaces at the end of such a column are none of its value, as the database itself says of its text.
        ("c = 'ab'", 1),
        ("c = 'ab  '", 0),
        ("x = 'é''\"'", 1),
        ("x like '%\"'", 1),
        ("d > 1", 1),
        ("e = 'ok' and u > '0'", 1),
        ("x <> 'ABC' or v is null", 2),
    ] {
        assert_eq!(ask(&t, &format!("select count(*) from t where {filter}")).await.unwrap(), [count.to_string()], "{filter}");
    }
    database.run("insert into t (f, dt) values (1.255, null); insert into t (dt) values ('infinity')").unwrap();
    let error = ask(&t, "select f from t").await.unwrap_err();
    assert!(error.contains("the column f holds a value that is no decimal(5,2)") && !error.contains("1.255"), "{error}");
    let error = ask(&t, "select dt from t").await.unwrap_err();
    assert!(error.contains("the column dt holds a value that is no date") && !error.contains("infinity"), "{error}");
    let required = context(open(&connections, &at, &table("public", "t", &["i int"])).await.unwrap());
    let error = ask(&required, "select i from t").await.unwrap_err();
    assert!(error.contains("rows without a value"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_mariadb() {
    let mariadb = MariadbServer::start().unwrap();
    mariadb
        .run(
            "create database crm character set utf8mb4; use crm;
             create table t (b tinyint(1), y tinyint, s smallint unsigned, i int, l bigint, ul bigint unsigned, r float, d double, \
               n decimal(10,2), dt date, ts timestamp(6) null, tn datetime(6), by_ varbinary(9), x text, v varchar(9), \
               c char(4), o varchar(9) character set latin1, e enum('sad','ok'), j json, u uuid);
             set time_zone = '+02:00';
             insert into t values (2, -128, 65535, -2147483648, 9223372036854775807, 18446744073709551615, 1.5, 0.1, -12345678.90, \
               '2024-02-29', '2024-06-01 12:00:00.123456', '1969-07-20 20:17:40.5', x'00ff', 'é''`😀', 'ABC', 'ab', 'é', 'ok', '[1]', \
               '00000000-0000-0000-0000-00000000000a');
             insert into t (n) values (null);
             create user reader@'%' identified by 'p`w''d'; grant select on crm.* to reader@'%';",
        )
        .unwrap();
    let columns = [
        "b boolean?",
        "y tinyint?",
        "s int?",
        "i int?",
        "l bigint?",
        "ul decimal(20,0)?",
        "r float?",
        "d double?",
        "n decimal(10,2)?",
        "dt date?",
        "ts timestamp?",
        "tn timestamp_ntz?",
        "by_ binary?",
        "x string?",
        "v string?",
        "c string?",
        "o string?",
        "e string?",
        "j string?",
        "u string?",
    ];
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { scan: std::time::Duration::from_secs(2), ..Limits::default() };
    let connections = connections(folder.path(), limits);
    let at = (Database::Mysql(server(mariadb.port(), "reader")), Some(polder_model::secret::Secret::new("p`w'd")));
    let t = context(open(&connections, &at, &table("crm", "t", &columns)).await.unwrap());
    let first = "true|-128|65535|-2147483648|9223372036854775807|18446744073709551615|1.5|0.1|-12345678.90|2024-02-29|\
                 2024-06-01T10:00:00.123456Z|1969-07-20T20:17:40.500|00ff|é'`😀|ABC|ab|é|ok|[1]|00000000-0000-0000-0000-00000000000a";
    let missing = vec!["-"; columns.len()].join("|");
    assert_eq!(ask(&t, "select * from t").await.unwrap(), [first, missing.as_str()]);
    for (filter, count) in [
        ("b", 1),
        ("b is null", 1),
        ("s = 65535", 1),
        ("i < 0", 1),
        ("ul > 9223372036854775807", 1),
        ("n = -12345678.90", 1),
        ("dt = date '2024-02-29'", 1),
        ("ts = timestamp '2024-06-01T10:00:00.123456Z'", 1),
        ("tn < timestamp '1969-07-20T20:17:40.500001'", 1),
        // Equal there, and not here.
        ("v = 'abc'", 0),
        ("v = 'ABC '", 0),
        ("v = 'ABC'", 1),
        ("v <> 'abc'", 1),
        ("v in ('abc', 'ABC')", 1),
        ("v not in ('abc')", 1),
        ("o = 'é'", 1),
        ("o = '😀'", 0),
        ("x = 'é''`😀'", 1),
        ("x = '\\'' or 1=1 -- '", 0),
    ] {
        assert_eq!(ask(&t, &format!("select count(*) from t where {filter}")).await.unwrap(), [count.to_string()], "{filter}");
    }
    mariadb.run("use crm; create view slow as select 1 as i, sleep(30) as s").unwrap();
    let slow = context(open(&connections, &at, &table("crm", "slow", &["i int", "s bigint"])).await.unwrap());
    let started = std::time::Instant::now();
    let error = ask(&slow, "select s from t").await.unwrap_err();
    assert!(error.contains("longer than a query may take"), "{error}");
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{error}");
    let wrong =
        (Database::Mysql(DatabaseServer { database: "none".to_owned(), ..server(mariadb.port(), "reader") }), at.1.clone());
    let error = open(&connections, &wrong, &table("none", "t", &["i int"])).await.unwrap_err().to_string();
    assert!(error.contains("no such database") || error.contains("refuses the connection"), "{error}");
    let nobody = (at.0.clone(), Some(polder_model::secret::Secret::new("wrong")));
    let error = open(&connections, &nobody, &table("crm", "t", &["i int"])).await.unwrap_err().to_string();
    assert!(error.contains("does not accept the user"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_sqlite_have_types_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.db");
    let statements = "create table t (b boolean, i integer, d real, n decimal(10,2), dt date, ts datetime, tn datetime, y blob, x text, v varchar(9) collate nocase);
        insert into t values (1, 9223372036854775807, 0.5, '12.30', '2024-02-29', '2024-06-01T12:00:00.5+02:00', '1969-07-20 20:17:40', x'00ff', 'é\"', 'ABC');
        insert into t (b) values (null);";
    sqlite_file(&file, statements).await.unwrap();
    let columns = [
        "b boolean?",
        "i bigint?",
        "d double?",
        "n decimal(10,2)?",
        "dt date?",
        "ts timestamp?",
        "tn timestamp_ntz?",
        "y binary?",
        "x string?",
        "v string?",
    ];
    let connections = connections(folder.path(), Limits::default());
    let at = (Database::Sqlite("crm.db".to_owned()), None);
    let t = context(open(&connections, &at, &table("main", "t", &columns)).await.unwrap());
    let first = "true|9223372036854775807|0.5|12.30|2024-02-29|2024-06-01T10:00:00.500Z|1969-07-20T20:17:40|00ff|é\"|ABC";
    assert_eq!(ask(&t, "select * from t").await.unwrap(), [first, "-|-|-|-|-|-|-|-|-|-"]);
    for (filter, count) in [
        ("b", 1),
        ("i > 5", 1),
        ("n = 12.30", 1),
        ("dt < date '2025-01-01'", 1),
        ("v = 'abc'", 0),
        ("v = 'ABC'", 1),
        ("x is null", 1),
        ("x = 'x'' or ''1''=''1'", 0),
    ] {
        assert_eq!(ask(&t, &format!("select count(*) from t where {filter}")).await.unwrap(), [count.to_string()], "{filter}");
    }
    for (value, column) in [("'five'", "i"), ("2", "b"), ("'soon'", "dt"), ("x'00'", "x")] {
        sqlite_file(&file, &format!("insert into t ({column}) values ({value})")).await.unwrap();
        let error = ask(&t, &format!("select {column} from t")).await.unwrap_err();
        assert!(error.contains(&format!("the column {column} holds a value that is no")), "{error}");
        assert!(!error.contains("five") && !error.contains("soon"), "{error}");
    }
    let error = open(&connections, &at, &table("main", "none", &["i int"])).await.unwrap_err().to_string();
    assert!(error.contains("no table \"none\""), "{error}");
    let error = open(&connections, &at, &table("temp", "t", &["i int"])).await.unwrap_err().to_string();
    assert!(error.contains("no table"), "{error}");
}
