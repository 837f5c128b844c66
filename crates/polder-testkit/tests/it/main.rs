//! The servers that tests rely on.

use polder_testkit::{PostgresServer, postgres};

#[tokio::test]
async fn each_database_is_fresh_and_goes_with_its_handle() {
    let (first, second) = (postgres().await.unwrap(), postgres().await.unwrap());
    first.run("create table things (name text)").unwrap();
    assert_eq!(second.run("select count(*) from pg_tables where tablename = 'things'").unwrap(), "0");
    let name = first.url().rsplit('/').next().unwrap().to_owned();
    let is_there = format!("select count(*) from pg_database where datname = '{name}'");
    assert_eq!(second.run(&is_there).unwrap(), "1");
    drop(first);
    assert_eq!(second.run(&is_there).unwrap(), "0");
}

#[test]
fn a_killed_server_comes_back_with_what_was_committed() {
    let mut server = PostgresServer::start().unwrap();
    let database = server.database().unwrap();
    database.run("create table things as select 'a' as name").unwrap();
    server.kill().unwrap();
    assert!(database.run("select 1").is_err());
    server.restart().unwrap();
    assert_eq!(database.run("select name from things").unwrap(), "a");
}
