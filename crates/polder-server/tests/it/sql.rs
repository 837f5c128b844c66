//! Statements that change something: rows, objects, rights. As each kind of principal, over the API; other doors are tried where they are.

use serde_json::{Value, json};

use crate::doors::bed::Bed;

pub(crate) const MESH: [(&str, &str); 6] = [
    (
        "polder.yaml",
        "organization: Contoso\ntenants: [{name: main $STATE}]\nenvironments: [{name: dev, tenant: main}]\n\
         departments: [money]\nproviders: {aws: {}}\nusers: [olga, ana, pia, otto]\n\
         groups:\n  - {name: owners, members: [olga]}\n  - {name: analysts, members: [ana]}\n  - {name: stewards, members: [pia]}\n",
    ),
    ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
    (
        "domains/finance/datasets/orders.yaml",
        "entityName: orders\nentityVersion: v1\ncoldStorage: {hasHistory: true}\n\
         columns:\n  - {name: id, type: bigint}\n  - {name: customer, type: string, tags: [pii]}\n\
         \x20 - {name: amount, type: \"decimal(12,2)\", optional: true}\n  - {name: day, type: date, optional: true}\n\
         checks:\n  - {name: ids, unique: [id]}\n  - {name: amounts, range: {column: amount, min: 0}}\n",
    ),
    (
        "domains/finance/datasets/totals.yaml",
        "{type: view, entityName: totals, entityVersion: v1, sql: \"select day, count(*) as orders from finance.bronze.orders_v1 group by day\", \
         columns: [{name: day, type: date, optional: true}, {name: orders, type: bigint}]}\n",
    ),
    (
        "domains/finance/jobs/load.yaml",
        "{specVersion: v1, name: load, sink: {domain: finance, name: orders, version: v1}, framework: {kind: ingest}, \
         from: {files: 'landing/orders*.csv', format: csv}}\n",
    ),
    (
        "access/finance.yaml",
        "grants:\n  - {to: analysts, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT]}\n\
         \x20 - {to: stewards, on: finance, privileges: [USE CATALOG, USE SCHEMA, SELECT, READ PII]}\n",
    ),
];

pub(crate) const ORDERS: &str = "finance.bronze.orders_v1";

pub(crate) struct Desk(pub(crate) Bed);

impl Desk {
    pub(crate) async fn new() -> Self {
        Self::over(&MESH).await
    }

    /// The same over another mesh that has the table.
    pub(crate) async fn over(mesh: &[(&str, &str)]) -> Self {
        let desk = Self(Bed::of(mesh).await);
        desk.done(
            "owner",
            "INSERT INTO finance.bronze.orders_v1 (id, customer, amount, day) VALUES \
             (1, 'Ada', 10.50, '2026-01-01'), (2, 'Ben', 20, '2026-01-02'), (3, 'Cid', NULL, NULL)",
        )
        .await;
        desk
    }

    /// A statement as somebody: its rows, or the status and the words of its refusal.
    pub(crate) async fn sql(&self, kind: &str, sql: &str) -> Result<Vec<Value>, (u16, String)> {
        let response = self.0.ask(kind, "POST", "/api/v1/environments/dev/query", Some(&json!({ "sql": sql }))).await;
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        match body {
            Value::Array(rows) if status == 200 => Ok(rows),
            refusal => Err((
                status,
                format!("{} {}", refusal["detail"].as_str().unwrap_or_default(), refusal["hint"].as_str().unwrap_or_default()),
            )),
        }
    }

    pub(crate) async fn done(&self, kind: &str, sql: &str) -> Vec<Value> {
        self.sql(kind, sql).await.unwrap_or_else(|(status, why)| panic!("{sql}: {status} {why}"))
    }

    pub(crate) async fn refused(&self, kind: &str, sql: &str) -> u16 {
        match self.sql(kind, sql).await {
            Ok(rows) => panic!("{kind}: {sql}: {rows:?}"),
            Err((status, _)) => status,
        }
    }

    pub(crate) async fn changed(&self, sql: &str) -> u64 {
        self.done("owner", sql).await[0]["affected_rows"].as_u64().unwrap()
    }

    /// The one value of one row.
    pub(crate) async fn value(&self, kind: &str, sql: &str) -> Value {
        let rows = self.done(kind, sql).await;
        rows[0].as_object().unwrap().values().next().unwrap().clone()
    }

    pub(crate) async fn ids(&self) -> String {
        let rows = self.done("owner", &format!("SELECT id, customer FROM {ORDERS} ORDER BY id")).await;
        rows.iter().map(|row| format!("{}{}", row["id"], row["customer"].as_str().unwrap())).collect::<Vec<_>>().join(" ")
    }
}

#[tokio::test]
async fn rows_are_added_changed_merged_and_deleted() {
    let desk = Desk::new().await;
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid");
    assert_eq!(
        desk.changed(&format!("INSERT INTO {ORDERS} SELECT id + 10, customer, amount, day FROM {ORDERS} WHERE id < 3")).await,
        2
    );
    assert_eq!(
        desk.changed(&format!("UPDATE {ORDERS} SET customer = upper(customer), amount = amount + 1 WHERE id > 10")).await,
        2
    );
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid 11ADA 12BEN");
    assert_eq!(desk.value("owner", &format!("SELECT sum(amount) FROM {ORDERS}")).await, json!(63.0));
    assert_eq!(desk.changed(&format!("DELETE FROM {ORDERS} AS o WHERE o.id IN (SELECT max(id) FROM {ORDERS})")).await, 1);
    assert_eq!(desk.changed(&format!("DELETE FROM {ORDERS} WHERE id = 99")).await, 0, "what changes nothing makes no version");
    let merge = format!(
        "MERGE INTO {ORDERS} AS t USING (SELECT column1 AS id, column2 AS customer FROM (VALUES (1, 'Ann'), (2, 'gone'), (7, 'Gil')) AS v) AS s \
         ON t.id = s.id WHEN MATCHED AND s.customer = 'gone' THEN DELETE WHEN MATCHED THEN UPDATE SET customer = s.customer \
         WHEN NOT MATCHED THEN INSERT (id, customer) VALUES (s.id, s.customer)"
    );
    assert_eq!(desk.changed(&merge).await, 3);
    assert_eq!(desk.ids().await, "1Ann 3Cid 7Gil 11ADA");
    let by_source = format!(
        "MERGE INTO {ORDERS} t USING (SELECT 1 AS id) s ON t.id = s.id WHEN NOT MATCHED BY SOURCE AND t.id > 7 THEN DELETE"
    );
    assert_eq!(desk.changed(&by_source).await, 1);
    let only_new = format!(
        "MERGE INTO {ORDERS} t USING (SELECT id, customer, amount, day FROM {ORDERS} VERSION AS OF 1) s ON t.id = s.id WHEN NOT MATCHED THEN INSERT *"
    );
    assert_eq!(desk.changed(&only_new).await, 1);
    assert_eq!(desk.ids().await, "1Ann 2Ben 3Cid 7Gil");
    assert_eq!(desk.changed(&format!("INSERT OVERWRITE {ORDERS} (id, customer) VALUES (5, 'Eve')")).await, 1);
    assert_eq!(desk.ids().await, "5Eve");
    assert_eq!(desk.changed(&format!("TRUNCATE TABLE {ORDERS}")).await, 1);
    // A moment without a zone is one of UTC, however it is written.
    let moments = "finance.bronze.moments";
    desk.done("owner", &format!("CREATE TABLE {moments} (id bigint, at timestamp)")).await;
    for at in
        ["TIMESTAMP '2026-01-01 12:00:00'", "'2026-01-01T14:00:00+02:00'", "CAST('2026-01-01 12:00:00' AS TIMESTAMP)", "now()"]
    {
        assert_eq!(desk.changed(&format!("INSERT INTO {moments} VALUES (1, {at})")).await, 1, "{at}");
    }
    let same = format!("SELECT count(*) FROM {moments} WHERE at = '2026-01-01T12:00:00Z'");
    assert_eq!(desk.value("owner", &same).await, json!(3));
    assert_eq!(desk.changed(&format!("UPDATE {moments} SET at = now() WHERE at < '2026-01-02'")).await, 3);
    assert_eq!(desk.value("owner", &same).await, json!(0));
    // In the order in which they are to be: files that hold neighbours are the ones that are skipped.
    let ordered = format!(
        "INSERT INTO {ORDERS} (customer, id) SELECT 'c', value FROM generate_series(1, 40000) AS s(value) ORDER BY value % 7, 2"
    );
    assert_eq!(desk.changed(&ordered).await, 40_000);
    let first = desk.done("owner", &format!("SELECT id FROM {ORDERS} LIMIT 3")).await;
    assert_eq!(first, json!([{"id": 7}, {"id": 14}, {"id": 21}]).as_array().unwrap().clone());
    let history = desk.done("owner", &format!("DESCRIBE HISTORY {ORDERS}")).await;
    let operations: Vec<&str> = history.iter().map(|commit| commit["operation"].as_str().unwrap()).collect();
    assert_eq!(
        operations,
        ["WRITE", "DELETE", "WRITE", "MERGE", "MERGE", "MERGE", "DELETE", "UPDATE", "WRITE", "WRITE", "CREATE TABLE"],
        "each is one commit, and one that changed nothing is none"
    );
    assert!(history[0]["info"].as_str().unwrap().contains("\"polder.principal\":\"olga\""), "{}", history[0]);
}

#[tokio::test]
async fn a_write_that_is_not_right_changes_nothing_and_says_what_is_wrong() {
    let desk = Desk::new().await;
    let table = [
        (format!("INSERT INTO {ORDERS} (id, customer) VALUES (1, 'twice')"), 422, "ids (1 found)"),
        (format!("UPDATE {ORDERS} SET amount = -1 WHERE id = 2"), 422, "amounts (1 found)"),
        (format!("INSERT INTO {ORDERS} (id) VALUES (9)"), 400, "column customer is required"),
        (format!("INSERT INTO {ORDERS} (id, customer) VALUES (9, 'x', 3)"), 400, "a row has 3 values, and 2 columns"),
        (format!("INSERT INTO {ORDERS} (id, customer) SELECT 9"), 400, "2 columns are to be filled, and the query gives 1"),
        (format!("INSERT INTO {ORDERS} (id, nope) VALUES (9, 'x')"), 404, "no column \"nope\""),
        (format!("INSERT INTO {ORDERS} (id, custmer) VALUES (9, 'x')"), 404, "did you mean customer?"),
        (format!("INSERT INTO {ORDERS} (id, id) VALUES (9, 9)"), 400, "given twice"),
        (
            format!("INSERT INTO {ORDERS} SELECT 'x', 'y', 1.5, now()"),
            400,
            "column id is bigint, and what it would get is string",
        ),
        (format!("INSERT INTO {ORDERS} (id, customer, day) VALUES (9, 'x', 'no day')"), 422, ""),
        (format!("UPDATE {ORDERS} SET id = 1.5"), 400, "column id is bigint, and what it would get is decimal(2,1)"),
        (format!("UPDATE {ORDERS} SET customer = NULL WHERE id = 1"), 400, "column customer is required"),
        (format!("UPDATE {ORDERS} SET amount = 1, amount = 2"), 400, "given twice"),
        (format!("UPDATE {ORDERS} SET id = 1 FROM {ORDERS} AS o"), 400, "MERGE"),
        (format!("DELETE FROM {ORDERS} WHERE nope = 1"), 404, "nope"),
        (format!("DELETE FROM {ORDERS} USING x"), 400, "MERGE"),
        (format!("INSERT INTO {ORDERS} VALUES (1, 'x', 1, NULL) ON CONFLICT DO NOTHING"), 400, "MERGE"),
        (format!("INSERT INTO {ORDERS} VALUES (1, 'x', 1, NULL) RETURNING id"), 400, "RETURNING"),
        (
            format!("MERGE INTO {ORDERS} t USING (VALUES (1), (1)) AS s(id) ON t.id = s.id WHEN MATCHED THEN DELETE"),
            400,
            "match more than one row",
        ),
        (format!("MERGE INTO {ORDERS} t USING {ORDERS} t ON true WHEN MATCHED THEN DELETE"), 400, "alias"),
        ("INSERT INTO finance.bronze.totals_v1 VALUES (NULL, 1)".to_owned(), 403, "cannot be done with a view"),
        ("INSERT INTO finance.bronze.nope_v1 VALUES (1)".to_owned(), 404, "nope_v1"),
        ("INSERT INTO orders_v1 VALUES (1)".to_owned(), 400, "three parts"),
        (format!("INSERT INTO {ORDERS} VALUES (1, 'x', 1, NULL); DROP TABLE {ORDERS}"), 400, "the end of the statement"),
        (format!("UPDATE {ORDERS} SET customer = 'x' WHERE id = $1"), 400, "1 parameters, and 0 values"),
    ];
    for (sql, status, words) in table {
        let (found, why) = desk.sql("owner", &sql).await.expect_err(&sql);
        assert!(found == status && why.contains(words), "{sql}: {found} {why}");
    }
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid");
    assert_eq!(desk.done("owner", &format!("DESCRIBE HISTORY {ORDERS}")).await.len(), 2);
}

#[tokio::test]
async fn nobody_changes_what_is_not_theirs() {
    let desk = Desk::new().await;
    let statements = [
        format!("INSERT INTO {ORDERS} (id, customer) VALUES (4, 'x')"),
        format!("UPDATE {ORDERS} SET amount = 1"),
        format!("DELETE FROM {ORDERS}"),
        format!("MERGE INTO {ORDERS} t USING (SELECT 1 AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE"),
        format!("GRANT SELECT ON TABLE {ORDERS} TO analysts"),
        format!("CREATE TABLE finance.bronze.copy AS SELECT * FROM {ORDERS}"),
        format!("CREATE TABLE finance.bronze.copy SHALLOW CLONE {ORDERS}"),
        "CREATE SCHEMA finance.sandbox".to_owned(),
        "CREATE VIEW finance.bronze.v AS SELECT 1 AS a".to_owned(),
        "CREATE VOLUME finance.bronze.files".to_owned(),
        format!("OPTIMIZE {ORDERS}"),
        format!("VACUUM {ORDERS}"),
        format!("RESTORE TABLE {ORDERS} TO VERSION AS OF 0"),
        format!("ALTER TABLE {ORDERS} ADD COLUMN x int"),
        format!("COMMENT ON TABLE {ORDERS} IS 'mine'"),
        format!("DROP TABLE {ORDERS}"),
    ];
    for sql in &statements {
        for (kind, status) in [("member", 403), ("pii", 403), ("outsider", 404), ("expired token", 401), ("nobody", 401)] {
            let kind = if kind == "expired token" { "expired" } else { kind };
            assert_eq!(desk.refused(kind, sql).await, status, "{kind}: {sql}");
        }
    }
    // An admin role governs; it reads and writes no data.
    for sql in &statements[..4] {
        assert!(matches!(desk.refused("admin", sql).await, 403 | 404), "{sql}");
    }
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid");
}

#[tokio::test]
async fn whoever_sees_a_table_masked_adds_rows_and_changes_none() {
    let desk = Desk::new().await;
    desk.done("owner", "CREATE TABLE finance.bronze.notes (id bigint NOT NULL, author string TAGS ('pii'), note string)").await;
    desk.done("owner", "INSERT INTO finance.bronze.notes VALUES (1, 'olga', 'first')").await;
    desk.done("owner", "GRANT MODIFY ON TABLE finance.bronze.notes TO analysts").await;
    assert_eq!(desk.value("member", "SELECT author FROM finance.bronze.notes").await, "***");
    desk.done("member", "INSERT INTO finance.bronze.notes VALUES (2, 'ana', 'second')").await;
    for sql in [
        "UPDATE finance.bronze.notes SET note = 'x' WHERE author = 'olga'",
        "DELETE FROM finance.bronze.notes WHERE author = 'olga'",
        "DELETE FROM finance.bronze.notes WHERE id = 2",
        "MERGE INTO finance.bronze.notes t USING (SELECT 1 AS id) s ON t.id = s.id WHEN MATCHED THEN DELETE",
        "TRUNCATE TABLE finance.bronze.notes",
        "INSERT OVERWRITE finance.bronze.notes SELECT * FROM finance.bronze.notes",
        "RESTORE TABLE finance.bronze.notes TO VERSION AS OF 0",
    ] {
        let (status, why) = desk.sql("member", sql).await.unwrap_err();
        assert!(status == 403 && why.contains("in clear"), "{sql}: {status} {why}");
    }
    // What is written of what is masked is the mask.
    desk.done("member", "INSERT INTO finance.bronze.notes SELECT id + 10, author, note FROM finance.bronze.notes WHERE id = 1")
        .await;
    assert_eq!(desk.value("owner", "SELECT author FROM finance.bronze.notes WHERE id = 11").await, "***");
    assert_eq!(desk.value("owner", "SELECT count(*) FROM finance.bronze.notes").await, 3);
}

#[tokio::test]
async fn a_table_that_could_not_be_read_or_masked_is_not_made() {
    let desk = Desk::new().await;
    for (sql, says) in [
        ("CREATE TABLE finance.bronze.d (id int, id int)", "twice"),
        ("CREATE TABLE finance.bronze.d (id int, ID string)", "twice"),
        ("CREATE TABLE finance.bronze.d (id int, n string TAGS ('pii')) PARTITIONED BY (n)", "folders"),
        (
            "CREATE TABLE finance.bronze.d PARTITIONED BY (customer) AS SELECT id, customer FROM finance.bronze.orders_v1",
            "folders",
        ),
    ] {
        let (status, why) = desk.sql("owner", sql).await.unwrap_err();
        assert!(status == 400 && why.contains(says), "{sql}: {status} {why}");
    }
    desk.done("owner", "CREATE TABLE finance.bronze.d (id int, n string) PARTITIONED BY (n)").await;
    let tag = "ALTER TABLE finance.bronze.d ALTER COLUMN n SET TAGS ('pii')";
    assert_eq!(desk.refused("owner", tag).await, 400);
}

#[tokio::test]
async fn masks_go_where_the_data_goes() {
    let desk = Desk::new().await;
    desk.done("owner", "CREATE SCHEMA finance.sandbox COMMENT 'to try things'").await;
    let told = desk
        .value(
            "owner",
            &format!(
                "CREATE TABLE finance.sandbox.loud COMMENT 'in capitals' AS SELECT id, upper(customer) AS name, day FROM {ORDERS}"
            ),
        )
        .await;
    assert_eq!(told, "made table finance.sandbox.loud with 3 rows");
    desk.done("owner", "CREATE VIEW finance.sandbox.names (who) AS SELECT name FROM finance.sandbox.loud").await;
    for table in ["finance.sandbox.loud", "finance.sandbox.names"] {
        let column = if table.ends_with("names") { "who" } else { "name" };
        let first = format!("SELECT {column} FROM {table} ORDER BY 1 LIMIT 1");
        assert_eq!(desk.value("owner", &first).await, "ADA", "{table}");
        assert_eq!(desk.value("pii", &first).await, "ADA", "{table}");
        assert_eq!(desk.value("member", &first).await, "***", "{table}");
        assert_eq!(desk.refused("outsider", &first).await, 404);
    }
    // By its own files it is no more to be had than what it was made of.
    let body = json!({ "operation": "READ", "table_id": "finance.sandbox.loud" });
    let credentials = desk.0.ask("member", "POST", "/api/2.1/unity-catalog/temporary-table-credentials", Some(&body)).await;
    assert!(credentials.status().is_client_error());
    assert_eq!(desk.value("member", "SELECT count(*) FROM finance.sandbox.loud VERSION AS OF 1").await, 3);
    // The tag is taken off by whoever sees what is under it.
    desk.done("owner", "GRANT MANAGE ON TABLE finance.sandbox.loud TO analysts").await;
    assert_eq!(desk.refused("member", "ALTER TABLE finance.sandbox.loud ALTER COLUMN name UNSET TAGS ('pii')").await, 403);
    desk.done("owner", "ALTER TABLE finance.sandbox.loud ALTER COLUMN name UNSET TAGS ('pii')").await;
    assert_eq!(desk.value("member", "SELECT name FROM finance.sandbox.loud ORDER BY 1 LIMIT 1").await, "ADA");
    desk.done("owner", "ALTER TABLE finance.sandbox.loud ALTER COLUMN name SET TAGS ('pii')").await;
    assert_eq!(desk.value("member", "SELECT name FROM finance.sandbox.loud ORDER BY 1 LIMIT 1").await, "***");
}

#[tokio::test]
async fn a_clone_has_the_masks_filters_and_grants_of_what_it_is_of_and_lives_by_itself() {
    let desk = Desk::new().await;
    desk.done("owner", "CREATE SCHEMA finance.sandbox").await;
    desk.done("owner", "CREATE TABLE finance.sandbox.people (id bigint, name string TAGS ('pii')) PARTITIONED BY (id)").await;
    desk.done("owner", "INSERT INTO finance.sandbox.people VALUES (1, 'Ada'), (2, 'Ben')").await;
    desk.done("owner", "INSERT INTO finance.sandbox.people VALUES (3, 'Cid')").await;
    desk.done("owner", "GRANT MODIFY ON TABLE finance.sandbox.people TO analysts").await;
    for (how, name, rows) in [("SHALLOW", "shallow", 3), ("DEEP", "deep", 3)] {
        let told = desk.value("owner", &format!("CREATE TABLE finance.sandbox.{name} {how} CLONE finance.sandbox.people")).await;
        assert!(told.as_str().unwrap().contains("granted as"), "{told}");
        assert_eq!(desk.value("owner", &format!("SELECT count(*) FROM finance.sandbox.{name}")).await, rows);
        assert_eq!(desk.value("member", &format!("SELECT name FROM finance.sandbox.{name} WHERE id = 1")).await, "***");
        let grants = desk.done("owner", &format!("SHOW GRANTS analysts ON TABLE finance.sandbox.{name}")).await;
        assert_eq!(grants.len(), 1);
        assert_eq!(grants[0]["privilege"], "MODIFY");
    }
    desk.done("owner", "CREATE TABLE finance.sandbox.before SHALLOW CLONE finance.sandbox.people VERSION AS OF 1").await;
    assert_eq!(desk.value("owner", "SELECT count(*) FROM finance.sandbox.before").await, 2);
    // Each is written and dropped without the others.
    desk.done("owner", "DELETE FROM finance.sandbox.shallow WHERE id = 1").await;
    desk.done("owner", "DROP TABLE finance.sandbox.people").await;
    assert_eq!(desk.value("owner", "SELECT count(*) FROM finance.sandbox.shallow").await, 2);
    assert_eq!(desk.value("owner", "SELECT count(*) FROM finance.sandbox.deep").await, 3);
    // Somebody else's table of that name has none of what was granted.
    desk.done("owner", "CREATE TABLE finance.sandbox.people (id bigint)").await;
    assert_eq!(desk.done("owner", "SHOW GRANTS ON TABLE finance.sandbox.people").await.len(), 0);
    // Who sees it masked does not get its files under another name.
    desk.done("owner", "GRANT CREATE TABLE, USE SCHEMA ON SCHEMA finance.sandbox TO analysts").await;
    assert_eq!(desk.refused("member", "CREATE TABLE finance.sandbox.mine SHALLOW CLONE finance.sandbox.deep").await, 403);
    assert_eq!(desk.refused("member", &format!("CREATE TABLE finance.sandbox.mine DEEP CLONE {ORDERS}")).await, 403);
    desk.done("member", "CREATE TABLE finance.sandbox.mine AS SELECT * FROM finance.sandbox.deep").await;
    assert_eq!(
        desk.value("member", "SELECT name FROM finance.sandbox.mine WHERE id = 1").await,
        "***",
        "what was masked was written masked"
    );
    assert_eq!(desk.value("owner", "SELECT name FROM finance.sandbox.mine WHERE id = 1").await, "***");
}

#[tokio::test]
async fn a_table_that_moves_takes_its_own_grants_and_leaves_its_schemas() {
    let desk = Desk::new().await;
    desk.done("owner", "CREATE SCHEMA finance.one").await;
    desk.done("owner", "CREATE SCHEMA finance.two").await;
    desk.done("owner", "CREATE TABLE finance.one.t (id bigint, name string TAGS ('pii'))").await;
    desk.done("owner", "INSERT INTO finance.one.t VALUES (1, 'Ada')").await;
    desk.done("owner", "GRANT MODIFY ON SCHEMA finance.one TO analysts").await;
    desk.done("owner", "GRANT MODIFY ON TABLE finance.one.t TO stewards").await;
    desk.done("member", "INSERT INTO finance.one.t VALUES (2, 'Ben')").await;
    desk.done("owner", "ALTER TABLE finance.one.t RENAME TO finance.two.u").await;
    assert_eq!(desk.refused("member", "INSERT INTO finance.two.u VALUES (3, 'Cid')").await, 403, "that was the schema's");
    desk.done("pii", "INSERT INTO finance.two.u VALUES (3, 'Cid')").await;
    assert_eq!(desk.value("member", "SELECT name FROM finance.two.u WHERE id = 1").await, "***");
    assert_eq!(desk.refused("owner", "SELECT * FROM finance.one.t").await, 404);
    desk.done("owner", "ALTER TABLE finance.two.u RENAME TO v").await;
    assert_eq!(desk.value("owner", "SELECT count(*) FROM finance.two.v").await, 3);
}

#[tokio::test]
async fn objects_are_made_changed_and_dropped_and_what_files_declare_is_not() {
    let desk = Desk::new().await;
    desk.done("owner", "CREATE SCHEMA IF NOT EXISTS finance.sandbox").await;
    desk.done("owner", "CREATE SCHEMA IF NOT EXISTS finance.sandbox").await;
    assert_eq!(desk.refused("owner", "CREATE SCHEMA finance.sandbox").await, 409);
    desk.done(
        "owner",
        "CREATE TABLE finance.sandbox.t (id bigint NOT NULL COMMENT 'its number', price decimal(10,2), at timestamp, parts array<string>) \
         USING DELTA COMMENT 'to try' TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')",
    )
    .await;
    desk.done("owner", "ALTER TABLE finance.sandbox.t ADD COLUMNS (note string, day date)").await;
    desk.done("owner", "INSERT INTO finance.sandbox.t (id, note, day) VALUES (1, 'x', '2026-02-03')").await;
    assert_eq!(desk.value("owner", "SELECT note FROM finance.sandbox.t").await, "x");
    desk.done("owner", "COMMENT ON TABLE finance.sandbox.t IS 'tried'").await;
    desk.done("owner", "ALTER TABLE finance.sandbox.t SET TBLPROPERTIES (owner.team = 'risk')").await;
    let described: Value =
        desk.0.ask("owner", "GET", "/api/2.1/unity-catalog/tables/finance.sandbox.t", None).await.json().await.unwrap();
    assert_eq!((&described["comment"], &described["properties"]["owner.team"]), (&json!("tried"), &json!("risk")));
    desk.done("owner", "CREATE VIEW finance.sandbox.v AS SELECT id FROM finance.sandbox.t").await;
    desk.done("owner", "CREATE OR REPLACE VIEW finance.sandbox.v AS SELECT id, note FROM finance.sandbox.t").await;
    desk.done("owner", "ALTER VIEW finance.sandbox.v AS SELECT note, id FROM finance.sandbox.t").await;
    assert_eq!(desk.value("owner", "SELECT note FROM finance.sandbox.v").await, "x");
    assert_eq!(desk.refused("owner", "ALTER VIEW finance.sandbox.v AS SELECT id FROM finance.sandbox.v").await, 400);
    desk.done("owner", "CREATE VOLUME finance.sandbox.files COMMENT 'files'").await;
    assert_eq!(desk.refused("owner", "DROP SCHEMA finance.sandbox").await, 409);
    for (sql, status, words) in [
        (format!("DROP TABLE {ORDERS}"), 409, "declared in files"),
        (format!("ALTER TABLE {ORDERS} ADD COLUMN x int"), 409, "declared in files"),
        (format!("ALTER TABLE {ORDERS} RENAME TO other"), 409, "declared in files"),
        (format!("ALTER TABLE {ORDERS} ALTER COLUMN customer UNSET TAGS ('pii')"), 409, "declared in files"),
        (format!("COMMENT ON TABLE {ORDERS} IS 'x'"), 409, "declared in files"),
        ("ALTER VIEW finance.bronze.totals_v1 AS SELECT 1 AS a".to_owned(), 409, "declared in files"),
        ("DROP SCHEMA finance.bronze CASCADE".to_owned(), 409, "declared in files"),
        ("CREATE TABLE finance.sandbox.x (id nope)".to_owned(), 400, "nope"),
        ("CREATE TABLE finance.sandbox.x (id varchar(10))".to_owned(), 400, "has a length"),
        ("CREATE TABLE finance.sandbox.x (id bigint PRIMARY KEY)".to_owned(), 400, "PRIMARY"),
        (
            "CREATE TABLE finance.sandbox.x (id bigint) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')".to_owned(),
            400,
            "polder's to set",
        ),
        ("CREATE TABLE finance.sandbox.x (id bigint) PARTITIONED BY (nope)".to_owned(), 400, "nope is no column"),
        ("CREATE TABLE finance.sandbox.x".to_owned(), 400, "columns in parentheses"),
        ("CREATE TABLE finance.sandbox.x AS SELECT 1 / 0 AS a".to_owned(), 400, "zero"),
        ("CREATE TABLE finance.sandbox.t (id bigint)".to_owned(), 409, "there is a"),
        ("CREATE TABLE finance.nope.x (id bigint)".to_owned(), 404, "nope"),
        ("CREATE TABLE nope.nope.x (id bigint)".to_owned(), 404, "nope"),
        ("CREATE TABLE finance.sandbox.\"../x\" (id bigint)".to_owned(), 400, "nothing can be named"),
        ("CREATE INDEX i ON finance.sandbox.t (id)".to_owned(), 400, "expected SCHEMA"),
        ("DROP TABLE finance.sandbox.nope".to_owned(), 404, "nope"),
        ("ALTER TABLE finance.sandbox.t DROP COLUMN id".to_owned(), 400, "expected RENAME TO"),
        ("ALTER TABLE finance.sandbox.t RENAME TO sales.gold.t".to_owned(), 400, "of catalog finance"),
    ] {
        let (found, why) = desk.sql("owner", &sql).await.expect_err(&sql);
        assert!(found == status && why.contains(words), "{sql}: {found} {why}");
    }
    // A table that could not be filled was never there.
    assert_eq!(desk.refused("owner", "SELECT * FROM finance.sandbox.x").await, 404);
    desk.done("owner", "DROP TABLE IF EXISTS finance.sandbox.nope").await;
    desk.done("owner", "DROP SCHEMA finance.sandbox CASCADE").await;
    assert_eq!(desk.refused("owner", "SELECT * FROM finance.sandbox.t").await, 404);
}

#[tokio::test]
async fn grants_are_given_shown_and_taken_away() {
    let desk = Desk::new().await;
    desk.done("owner", "CREATE TABLE finance.bronze.t (id bigint)").await;
    desk.done("owner", "GRANT SELECT, MODIFY ON TABLE finance.bronze.t TO analysts, stewards").await;
    desk.done("owner", "GRANT ALL ON TABLE finance.bronze.t TO `loader`").await;
    let granted = async |sql: &str, kind: &str| -> Vec<String> {
        let rows = desk.done(kind, sql).await;
        rows.iter().map(|row| format!("{} {}", row["principal"].as_str().unwrap(), row["privilege"].as_str().unwrap())).collect()
    };
    let all = "SHOW GRANTS ON TABLE finance.bronze.t";
    assert_eq!(
        granted(all, "owner").await,
        ["analysts SELECT", "analysts MODIFY", "loader ALL PRIVILEGES", "stewards SELECT", "stewards MODIFY"]
    );
    assert_eq!(granted(all, "member").await, ["analysts SELECT", "analysts MODIFY"], "others are told of their own");
    desk.done("owner", "REVOKE MODIFY ON TABLE finance.bronze.t FROM analysts").await;
    assert_eq!(granted("SHOW GRANTS analysts ON TABLE finance.bronze.t", "owner").await, ["analysts SELECT"]);
    for (sql, status, words) in [
        ("GRANT READ PII ON TABLE finance.bronze.t TO analysts".to_owned(), 403, "two people approve"),
        ("GRANT EVERYTHING ON TABLE finance.bronze.t TO analysts".to_owned(), 400, "EVERYTHING"),
        ("GRANT USE CATALOG ON TABLE finance.bronze.t TO analysts".to_owned(), 400, "cannot be granted on a table"),
        ("GRANT SELECT ON TABLE finance.bronze.t TO nobody_here".to_owned(), 404, "nobody_here"),
        ("GRANT SELECT ON TABLE finance.bronze.t".to_owned(), 400, "expected TO"),
        ("REVOKE SELECT ON CATALOG finance FROM analysts".to_owned(), 409, "in files"),
        ("GRANT SELECT ON TABLE finance.bronze.t TO otto".to_owned(), 403, "grantsTo: anyone"),
        // All of it or nothing.
        ("GRANT SELECT ON TABLE finance.bronze.t TO stewards, otto".to_owned(), 403, "otto is a user"),
    ] {
        let (found, why) = desk.sql("owner", &sql).await.expect_err(&sql);
        assert!(found == status && why.contains(words), "{sql}: {found} {why}");
    }
    let polder = desk.0.folder().read("polder.yaml").unwrap();
    desk.0.folder().write("polder.yaml", &format!("{polder}access: {{grantsTo: anyone}}\n")).unwrap();
    desk.done("owner", "GRANT SELECT ON TABLE finance.bronze.t TO otto").await;
    assert_eq!(granted("SHOW GRANTS otto ON TABLE finance.bronze.t", "owner").await, ["otto SELECT"]);
    // What was granted before is taken away whatever is said since.
    desk.0.folder().write("polder.yaml", &polder).unwrap();
    desk.done("owner", "REVOKE SELECT ON TABLE finance.bronze.t FROM otto").await;
    assert!(granted("SHOW GRANTS otto ON TABLE finance.bronze.t", "owner").await.is_empty());
}

#[tokio::test]
async fn an_older_version_comes_back_and_upkeep_says_what_it_did() {
    let desk = Desk::new().await;
    desk.done("owner", &format!("DELETE FROM {ORDERS} WHERE id > 1")).await;
    assert_eq!(desk.ids().await, "1Ada");
    assert_eq!(
        desk.value("owner", &format!("RESTORE TABLE {ORDERS} TO VERSION AS OF 1")).await,
        "restored version 1 as version 3"
    );
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid");
    assert_eq!(desk.refused("owner", &format!("RESTORE TABLE {ORDERS} TO VERSION AS OF 99")).await, 404);
    desk.done("owner", &format!("INSERT INTO {ORDERS} (id, customer) VALUES (4, 'Dan')")).await;
    let optimized = desk.done("owner", &format!("OPTIMIZE {ORDERS}")).await;
    assert_eq!((&optimized[0]["version"], &optimized[0]["files_added"]), (&json!(5), &json!(1)), "{optimized:?}");
    assert_eq!(desk.done("owner", &format!("VACUUM {ORDERS} RETAIN 200 HOURS DRY RUN")).await.len(), 0);
    assert_eq!(desk.refused("owner", &format!("VACUUM {ORDERS} RETAIN 1 HOURS")).await, 400);
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid 4Dan");
    assert_eq!(desk.done("member", &format!("DESCRIBE HISTORY {ORDERS} LIMIT 2")).await.len(), 2);
    assert_eq!(desk.refused("outsider", &format!("DESCRIBE HISTORY {ORDERS}")).await, 404);
}

#[tokio::test]
async fn a_token_does_what_it_is_good_for() {
    let desk = Desk::new().await;
    let made: Value = desk
        .0
        .ask("owner", "POST", "/api/v1/tokens", Some(&json!({ "label": "reader", "scopes": ["read", "query"] })))
        .await
        .json()
        .await
        .unwrap();
    let token = made["token"].as_str().unwrap();
    let ask = async |sql: &str| {
        let request =
            desk.0.client.post(desk.0.url("/api/v1/environments/dev/query")).bearer_auth(token).json(&json!({ "sql": sql }));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(ask(&format!("SELECT count(*) FROM {ORDERS}")).await.0, 200);
    assert_eq!(ask(&format!("SHOW GRANTS ON TABLE {ORDERS}")).await.0, 200);
    for (sql, scope) in [
        (format!("INSERT INTO {ORDERS} (id, customer) VALUES (4, 'x')"), "write"),
        (format!("DELETE FROM {ORDERS}"), "write"),
        (format!("RESTORE TABLE {ORDERS} TO VERSION AS OF 0"), "write"),
        (format!("GRANT SELECT ON TABLE {ORDERS} TO analysts"), "apply"),
        ("CREATE SCHEMA finance.x".to_owned(), "apply"),
        (format!("DROP TABLE {ORDERS}"), "apply"),
    ] {
        let (status, body) = ask(&sql).await;
        assert!(status == 403 && body.contains(&format!("lacks the scope {scope}")), "{sql}: {status} {body}");
    }
    assert_eq!(desk.ids().await, "1Ada 2Ben 3Cid");
}

#[tokio::test]
async fn many_writers_at_once_lose_nothing() {
    let desk = Desk::new().await;
    desk.done("owner", "CREATE TABLE finance.bronze.t (id bigint, n bigint)").await;
    desk.done("owner", "INSERT INTO finance.bronze.t VALUES (0, 0)").await;
    let one = async |at: u64| {
        desk.done("owner", &format!("INSERT INTO finance.bronze.t VALUES ({at}, 0)")).await;
        desk.done("owner", &format!("UPDATE finance.bronze.t SET n = n + 1 WHERE id = 0 OR id = {at}")).await;
    };
    futures::future::join_all((1..=4).map(one)).await;
    let rows = desk.done("owner", "SELECT id, n FROM finance.bronze.t ORDER BY id").await;
    let found: Vec<(u64, u64)> = rows.iter().map(|row| (row["id"].as_u64().unwrap(), row["n"].as_u64().unwrap())).collect();
    assert_eq!(found, [(0, 4), (1, 1), (2, 1), (3, 1), (4, 1)]);
}

#[tokio::test]
async fn a_replaced_table_goes_on_with_other_rows() {
    let desk = Desk::new().await;
    desk.done("owner", "CREATE SCHEMA finance.sandbox").await;
    let table = "finance.sandbox.t";
    let replace = format!("CREATE OR REPLACE TABLE {table}");
    // One that is not there is made.
    desk.done("owner", &format!("{replace} (id bigint NOT NULL, name string TAGS ('pii') COMMENT 'who')")).await;
    desk.done("owner", &format!("INSERT INTO {table} VALUES (1, 'Ada'), (2, 'Ben')")).await;
    desk.done("owner", &format!("GRANT SELECT ON TABLE {table} TO analysts")).await;
    let told = desk
        .value("owner", &format!("{replace} COMMENT 'anew' AS SELECT id + 1 AS id, name, DATE '2026-01-01' AS day FROM {table}"))
        .await;
    assert_eq!(told, json!("replaced table finance.sandbox.t as version 3, with 2 rows"));
    assert_eq!(desk.value("owner", &format!("SELECT sum(id) FROM {table} WHERE day = '2026-01-01'")).await, json!(5));
    assert_eq!(desk.value("owner", &format!("SELECT sum(id) FROM {table} VERSION AS OF 1")).await, json!(3));
    // Its grants, masks and what is said of its columns stay, and its history goes on.
    assert_ne!(desk.value("member", &format!("SELECT name FROM {table} LIMIT 1")).await, json!("Ada"));
    assert_eq!(
        desk.done("member", &format!("DESCRIBE TABLE {table}")).await[1],
        json!({"col_name": "name", "data_type": "string", "comment": "who"})
    );
    assert!(desk.done("owner", &format!("DESCRIBE HISTORY {table}")).await.len() >= 4);
    // Without a query nothing is in it.
    desk.done("owner", &format!("{replace} (id bigint NOT NULL, name string, day date, more int)")).await;
    assert_eq!(desk.value("owner", &format!("SELECT count(*) FROM {table}")).await, json!(0));
    assert_eq!(desk.value("owner", &format!("SELECT count(name) FROM {table} VERSION AS OF 1")).await, json!(2));
    for (rest, why) in [
        ("(id bigint NOT NULL)", "its column name would be gone"),
        ("(id int NOT NULL, name string, day date, more int)", "its column id is bigint, not int"),
        ("(id bigint, name string NOT NULL, day date, more int)", "its column name may lack a value"),
        ("(id bigint, name string, day date, more int, x int NOT NULL)", "no value for x"),
        ("(id bigint, name string, day date, more int) PARTITIONED BY (day)", "it is not partitioned"),
        ("(id bigint, name string, day date, more int, x int, X int)", "stands there twice"),
        ("AS SELECT 1 AS id", "its column name would be gone"),
    ] {
        let (status, said) = desk.sql("owner", &format!("{replace} {rest}")).await.unwrap_err();
        assert!(status == 400 && said.contains(why), "{rest}: {status} {said}");
    }
    // Whoever may not change it, or sees it masked, does not; and what files declare is theirs.
    assert_eq!(desk.refused("member", &format!("{replace} AS SELECT 1 AS id")).await, 403);
    assert_eq!(desk.refused("owner", &format!("CREATE OR REPLACE TABLE {ORDERS} (id bigint)")).await, 409);
    assert_eq!(desk.refused("owner", "CREATE OR REPLACE TABLE finance.bronze.totals_v1 (id bigint)").await, 409);
    // A name that cannot be one is told as that.
    for (sql, part) in [
        ("CREATE TABLE finance.sandbox.\"a b\" (id bigint)", "may not contain ' '"),
        ("CREATE VIEW finance.sandbox.\"1x\" AS SELECT 1 AS a", "begins with a letter"),
        ("CREATE SCHEMA finance.\"a b\"", "may not contain ' '"),
        ("CREATE VOLUME finance.sandbox.\"a/b\"", "may not contain '/'"),
        ("ALTER TABLE finance.sandbox.t RENAME TO \"a b\"", "may not contain ' '"),
    ] {
        let (status, said) = desk.sql("owner", sql).await.unwrap_err();
        assert!(status == 400 && said.contains(part) && said.contains("letters, digits and '_'"), "{sql}: {status} {said}");
    }
    assert_eq!(desk.refused("outsider", &format!("DESCRIBE TABLE {table}")).await, 404);
}
