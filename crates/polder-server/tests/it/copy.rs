//! `COPY INTO`: files of a volume become rows of a table, each once; and as whom.

use serde_json::{Value, json};

use crate::sql::{Desk, MESH, ORDERS};

const FILES: &str = "/api/v1/environments/dev/volumes/finance.bronze.drop_v1/files";

/// The mesh with a volume, which analysts may read and stewards may not.
async fn desk() -> Desk {
    let mut mesh = MESH.to_vec();
    mesh.push(("domains/finance/datasets/drop.yaml", "{entityName: drop, entityVersion: v1, type: volume}\n"));
    for (path, text) in &mut mesh {
        if *path == "access/finance.yaml" {
            *text = "grants:\n  - {to: analysts, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT, READ VOLUME]}\n\
                     \x20 - {to: stewards, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT, READ PII, MODIFY]}\n";
        }
    }
    Desk::over(&mesh).await
}

async fn put(desk: &Desk, path: &str, text: &str) {
    let url = desk.0.url(&format!("{FILES}/{path}"));
    let answer = desk.0.client.put(url).bearer_auth(&desk.0.tokens["owner"]).body(text.to_owned()).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}: {}", answer.text().await.unwrap());
}

fn copy(from: &str, rest: &str) -> String {
    format!("COPY INTO {ORDERS} FROM '/Volumes/finance/bronze/drop_v1{from}' FILEFORMAT = CSV {rest}")
}

const HEADER: &str = "FORMAT_OPTIONS ('header' = 'true')";

/// What a copy came to: rows, files that were loaded, files that were skipped.
async fn copied(desk: &Desk, sql: &str) -> [u64; 3] {
    let row: Value = desk.done("owner", sql).await[0].clone();
    ["affected_rows", "files_loaded", "files_skipped"].map(|name| row[name].as_u64().unwrap())
}

#[tokio::test]
async fn files_are_loaded_once() {
    let desk = desk().await;
    put(&desk, "in/a.csv", "id,customer,amount,day\n10,Kai,1.50,2026-02-01\n11,Lea,,\n").await;
    put(&desk, "in/b.csv", "customer,id\n\"Mia, M.\",12\n").await;
    put(&desk, "in/_log.csv", "no rows\n").await;
    put(&desk, "in/.part.csv", "no rows\n").await;
    assert_eq!(copied(&desk, &copy("/in", HEADER)).await, [3, 2, 0]);
    assert_eq!(copied(&desk, &copy("/in/", HEADER)).await, [0, 0, 2]);
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid 10Kai 11Lea 12Mia, M.");
    // One more, beside those that are in.
    put(&desk, "in/2026/c.csv", "13;Noa;;\n").await;
    let only = "FORMAT_OPTIONS ('sep' = ';')";
    assert_eq!(copied(&desk, &copy("/in/2026/*.csv", only)).await, [1, 1, 0]);
    assert_eq!(copied(&desk, &copy("/in", HEADER)).await, [0, 0, 3]);
    assert_eq!(copied(&desk, &copy("/in/2026/c.csv", only)).await, [0, 0, 1]);
    // A file stays loaded when its rows are gone, and is loaded again where that is asked for.
    assert_eq!(desk.changed(&format!("DELETE FROM {ORDERS} WHERE id >= 10")).await, 4);
    assert_eq!(copied(&desk, &copy("", &format!("FILES = ('in/a.csv', 'in/b.csv') {HEADER}"))).await, [0, 0, 2]);
    let again = format!("PATTERN = 'in/[ab].csv' {HEADER} COPY_OPTIONS ('force' = 'true')");
    assert_eq!(copied(&desk, &copy("", &again)).await, [3, 2, 0]);
    let history = desk.done("owner", &format!("DESCRIBE HISTORY {ORDERS} LIMIT 1")).await;
    assert!(history[0]["info"].as_str().unwrap().contains("\"polder.principal\":\"olga\""), "{}", history[0]);
}

#[tokio::test]
async fn json_and_parquet_are_files_too() {
    let desk = desk().await;
    put(&desk, "a.json", "{\"id\": 20, \"customer\": \"Ola\", \"amount\": 1.25}\n{\"id\": 21, \"customer\": \"Pia\"}\n").await;
    let json = |rest: &str| format!("COPY INTO {ORDERS} FROM '/Volumes/finance/bronze/drop_v1/a.json' FILEFORMAT = JSON {rest}");
    assert_eq!(copied(&desk, &json("")).await, [2, 1, 0]);
    put(&desk, "b.json", "{\"id\": 22, \"customer\": \"Quy\", \"colour\": \"red\"}\n").await;
    let json = |rest: &str| json(rest).replace("a.json", "b.json");
    let (status, why) = desk.sql("owner", &json("")).await.unwrap_err();
    assert!(status == 400 && why.contains("colour") && why.contains("ignoreUnknownFields"), "{status} {why}");
    assert_eq!(copied(&desk, &json("FORMAT_OPTIONS ('ignoreUnknownFields' = 'true')")).await, [1, 1, 0]);
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid 20Ola 21Pia 22Quy");
}

#[tokio::test]
async fn what_is_not_right_loads_nothing() {
    let desk = desk().await;
    put(&desk, "bad/a.csv", "30,Ron,1,\n").await;
    put(&desk, "bad/b.csv", "31,Sue,1,\nx,Tom,1,\n").await;
    put(&desk, "twice.csv", "1,Ada,,\n").await;
    put(&desk, "pii.csv", "32,Uma,secret,\n").await;
    put(&desk, "changes.csv", "33,Val,,\n").await;
    assert_eq!(copied(&desk, &copy("/changes.csv", "")).await, [1, 1, 0]);
    put(&desk, "changes.csv", "33,Val,,\n34,Wim,,\n").await;
    let cases = [
        (copy("/bad", ""), 422, "bad/b.csv, line 2: column id"),
        (copy("/twice.csv", ""), 422, "ids (1 found)"),
        (copy("/pii.csv", HEADER), 422, "header"),
        (copy("/changes.csv", ""), 409, "has changed since it was loaded"),
        (copy("/nope", ""), 404, "there is no file at"),
        (copy("", "FILES = ('nope.csv')"), 404, "there is no file nope.csv"),
        (copy("/../x", ""), 400, ""),
        (copy("/[", ""), 400, "no pattern"),
        (copy("/*.csv", "FILES = ('a')"), 400, "is a pattern itself"),
        (format!("COPY INTO {ORDERS} FROM '/etc/passwd' FILEFORMAT = CSV"), 400, "no path of a volume's files"),
        (format!("COPY INTO {ORDERS} FROM '/Volumes/finance/bronze/nope/x' FILEFORMAT = CSV"), 404, "nope"),
        (format!("COPY INTO {ORDERS} FROM '/Volumes/finance/bronze' FILEFORMAT = CSV"), 400, "no path of a volume's files"),
        ("COPY INTO finance.bronze.nope FROM '/Volumes/finance/bronze/drop_v1' FILEFORMAT = CSV".to_owned(), 404, "nope"),
        ("COPY INTO finance.bronze.totals_v1 FROM '/Volumes/finance/bronze/drop_v1' FILEFORMAT = CSV".to_owned(), 403, "view"),
    ];
    for (sql, status, words) in cases {
        let (found, why) = desk.sql("owner", &sql).await.expect_err(&sql);
        assert!(found == status && why.contains(words), "{sql}: {found} {why}");
    }
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid 33Val");
    // What failed is tried again once it is mended.
    put(&desk, "bad/b.csv", "31,Sue,1,\n").await;
    assert_eq!(copied(&desk, &copy("/bad", "")).await, [2, 2, 0]);
}

#[tokio::test]
async fn it_takes_the_right_to_write_the_table_and_to_read_the_volume() {
    let desk = desk().await;
    put(&desk, "a.csv", "40,Xia,,\n").await;
    let sql = copy("/a.csv", "");
    for (kind, status) in [("nobody", 401), ("outsider", 404), ("member", 403), ("pii", 404), ("expired", 401)] {
        assert_eq!(desk.refused(kind, &sql).await, status, "{kind}");
    }
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid");
    assert_eq!(desk.done("service", &sql).await[0]["affected_rows"], json!(1));
}

#[tokio::test]
async fn two_at_once_load_a_file_once() {
    let desk = desk().await;
    put(&desk, "a.csv", "50,Yan,,\n").await;
    let sql = copy("/a.csv", "");
    let tried = futures::future::join_all((0..4).map(|_| desk.sql("owner", &sql))).await;
    assert!(tried.iter().all(Result::is_ok), "{tried:?}");
    assert_eq!(desk.value("owner", &format!("SELECT count(*) FROM {ORDERS} WHERE id = 50")).await, json!(1));
}
