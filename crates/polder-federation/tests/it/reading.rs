//! Streams that are long, slow, many, or left.

use std::time::{Duration, Instant};

use futures::StreamExt;
use polder_access::Action;
use polder_federation::{FederationError, Limits};
use polder_model::connection::Connection;
use polder_testkit::{PostgresDatabase, postgres};

use crate::support::{ask, connections, context, open, permit, postgresql, table};

/// How many queries of ours the server is busy with.
fn busy(database: &PostgresDatabase) -> String {
    let at_work = "select count(*) from pg_stat_activity where application_name = 'polder' and datname = current_database() and state <> 'idle'";
    database.run(at_work).unwrap().trim().to_owned()
}

async fn is_idle(database: &PostgresDatabase) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while busy(database) != "0" {
        assert!(Instant::now() < deadline, "the server still works for nobody");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_stream_and_a_reader_that_leaves_ends_the_query() {
    let database = postgres().await.unwrap();
    database.run("create view t as select i as id, repeat('x', 100) || i as x from generate_series(1, 100000) i").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let connections = connections(folder.path(), Limits { connections: 1, connect: Duration::from_secs(2), ..Limits::default() });
    let at = postgresql(&database);
    let t = context(open(&connections, &at, &table("public", "t", &["id int", "x string"])).await.unwrap());
    assert_eq!(ask(&t, "select count(*), sum(id) from t").await.unwrap(), ["100000|5000050000"]);
    assert_eq!(ask(&t, "select id from t limit 3").await.unwrap().len(), 3);
    assert_eq!(ask(&t, "select id from t where x like '%99' order by id limit 2").await.unwrap(), ["99", "199"]);
    let mut stream = t.sql("select x from t").await.unwrap().execute_stream().await.unwrap();
    assert!(stream.next().await.unwrap().unwrap().num_rows() < 100_000);
    // There is one connection, and it is in use: who asks meanwhile is told so, and not kept waiting for ever.
    let error = ask(&t, "select x from t limit 1").await.unwrap_err();
    assert!(error.contains("in use"), "{error}");
    drop(stream);
    is_idle(&database).await;
    assert_eq!(ask(&t, "select id from t where id = 7").await.unwrap(), ["7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_forgotten_is_closed() {
    let database = postgres().await.unwrap();
    database.run("create table t (id int); insert into t values (1)").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let connections = connections(folder.path(), Limits::default());
    let t = context(open(&connections, &postgresql(&database), &table("public", "t", &["id int"])).await.unwrap());
    assert_eq!(ask(&t, "select id from t").await.unwrap(), ["1"]);
    drop(t);
    let open_there = || {
        let sql = "select count(*) from pg_stat_activity where application_name = 'polder' and datname = current_database()";
        database.run(sql).unwrap().trim().to_owned()
    };
    connections.forget_others(&[&"crm".parse().unwrap()]);
    assert_ne!(open_there(), "0");
    connections.forget_others(&[&"hr".parse().unwrap()]);
    // Unused connections are closed after a minute, too.
    let deadline = Instant::now() + Duration::from_secs(10);
    while open_there() != "0" {
        assert!(Instant::now() < deadline, "it stays open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_takes_too_long_is_given_up_on_both_sides() {
    let database = postgres().await.unwrap();
    database.run("create view t as select 1 as id from (select pg_sleep(60)) s").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { scan: Duration::from_secs(1), ..Limits::default() };
    let at = postgresql(&database);
    let slow = connections(folder.path(), limits);
    let t = context(open(&slow, &at, &table("public", "t", &["id int"])).await.unwrap());
    let started = Instant::now();
    let error = ask(&t, "select id from t").await.unwrap_err();
    assert!(error.contains("longer than a query may take") && started.elapsed() < Duration::from_secs(10), "{error}");
    is_idle(&database).await;
    // Nobody waits: the server sees that by itself, before the time is over.
    let patient = connections(folder.path(), Limits::default());
    let t = context(open(&patient, &at, &table("public", "t", &["id int"])).await.unwrap());
    let waiting = tokio::spawn(async move { ask(&t, "select id from t").await });
    let deadline = Instant::now() + Duration::from_secs(10);
    while busy(&database) == "0" && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    waiting.abort();
    is_idle(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_whatever_a_table_is_made_of() {
    let database = postgres().await.unwrap();
    database
        .run(
            "create table log (i int); create function f() returns int language sql as 'insert into log values (1) returning i';
             create view t as select f() as id",
        )
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let connections = connections(folder.path(), Limits::default());
    let t = context(open(&connections, &postgresql(&database), &table("public", "t", &["id int?"])).await.unwrap());
    let error = ask(&t, "select id from t").await.unwrap_err();
    assert!(error.contains("refused the query") && !error.contains("insert"), "{error}");
    assert_eq!(database.run("select count(*) from log").unwrap().trim(), "0");
}

#[tokio::test]
async fn a_permit_for_something_else_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let connections = connections(folder.path(), Limits::default());
    let connection = |name: &str| Connection {
        name: name.parse().unwrap(),
        domain: "sales".parse().unwrap(),
        owner: "olga".parse().unwrap(),
        comment: String::new(),
        database: polder_model::connection::Database::Sqlite("crm.db".to_owned()),
    };
    let t = table("main", "t", &["id int"]);
    let mut other = t.clone();
    other.name = "crm.public.other".parse().unwrap();
    for (action, name, table) in [(Action::Browse, "crm", &t), (Action::Read, "crm", &other), (Action::Read, "hr", &t)] {
        let opened = connections.open(&permit(action), &connection(name), table, None).await;
        assert!(matches!(opened, Err(FederationError::NotPermitted { .. })), "{action} {name}");
    }
    let opened = connections.open(&permit(Action::Read), &connection("crm"), &t, None).await;
    assert!(matches!(opened, Err(FederationError::Place { .. })));
}
