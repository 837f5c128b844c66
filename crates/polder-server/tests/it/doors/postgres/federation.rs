//! Tables of other databases through the doors: rows as everywhere, and no files.

use polder_testkit::sqlite_file;
use serde_json::{Value, json};

use super::super::bed::{Bed, MESH};
use super::bed::{Door, code, rows};

const CONNECTION: (&str, &str) = (
    "domains/finance/connections/crm.yaml",
    "{name: crm, kind: sqlite, file: data/crm.db, tables: [{name: people, columns: [{name: id, type: bigint}, \
     {name: name, type: string, optional: true, tags: [pii]}]}]}\n",
);
const ACCESS: (&str, &str) =
    ("access/crm.yaml", "grants: [{to: analysts, on: crm, level: regular}, {to: stewards, on: crm, level: pii}]\n");

async fn door() -> Door {
    let bed = Bed::of(&[MESH.as_slice(), &[CONNECTION, ACCESS]].concat()).await;
    let file = bed.folder().path().join("data/crm.db");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let statements = "create table people (id integer, name text); insert into people values (1, 'Ana'), (2, null)";
    sqlite_file(&file, statements).await.unwrap();
    Door::to(bed, |settings| settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_table_is_read_over_the_wire_as_whoever_asks_may_see_it() {
    let door = door().await;
    let ask = "select id, name from crm.main.people order by id";
    for (kind, expect) in [
        ("owner", ["1|Ana", "2|NULL"]),
        ("pii", ["1|Ana", "2|NULL"]),
        ("service", ["1|Ana", "2|NULL"]),
        ("member", ["1|***", "2|NULL"]),
    ] {
        assert_eq!(rows(&door.client(kind).await, ask).await.unwrap(), expect, "{kind}");
    }
    let outsider = door.client("outsider").await;
    assert_eq!(rows(&outsider, ask).await, rows(&outsider, &ask.replace("people", "absent")).await);
    let owner = door.client("owner").await;
    let found = owner.query("select name from crm.main.people where id = $1", &[&1_i64]).await.unwrap();
    assert_eq!(found[0].get::<_, String>(0), "Ana");
    let found = owner.query("select id from crm.main.people where name = $1", &[&"' or 1=1 --"]).await.unwrap();
    assert!(found.is_empty());
    for refused in
        ["insert into crm.main.people values (3, 'x')", "drop table crm.main.people", "create table crm.main.x (a int)"]
    {
        assert!(rows(&owner, refused).await.is_err(), "{refused}");
    }
    for drop in ["drop table crm.main.people", "drop table if exists crm.main.people", "drop schema crm.main cascade"] {
        for kind in ["owner", "member"] {
            let error = door.client(kind).await.simple_query(drop).await.unwrap_err();
            let error = error.as_db_error().unwrap();
            assert!(error.message().contains("of the connection crm"), "{kind} {drop}: {error:?}");
            assert!(error.hint().unwrap().contains("domains/finance/connections/"), "{error:?}");
        }
        let unknown = outsider.simple_query(drop).await;
        assert!(unknown.is_ok() || code(&unknown.unwrap_err()) == "42P01", "{drop}");
    }
    for (privilege, on) in [("modify", "catalog crm"), ("modify", "schema crm.main"), ("create table", "catalog crm")] {
        let error = owner.simple_query(&format!("grant {privilege} on {on} to analysts")).await.unwrap_err();
        assert!(error.as_db_error().unwrap().message().contains("only read"), "{error:?}");
    }
    assert_eq!(rows(&owner, "select count(*) from crm.main.people").await.unwrap(), ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_table_has_no_files_to_hand_out_and_nothing_is_made_beside_it() {
    let Door { bed, .. } = door().await;
    let unity = "/api/2.1/unity-catalog";
    let told = async |kind: &str, method: &str, path: &str, body: Option<Value>| {
        let answer = bed.ask(kind, method, path, body.as_ref()).await;
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default())
    };
    let (status, table) = told("owner", "GET", &format!("{unity}/tables/crm.main.people"), None).await;
    assert_eq!((status, &table["table_type"], &table["storage_location"]), (200, &json!("FOREIGN"), &Value::Null), "{table}");
    let listed = told("member", "GET", &format!("{unity}/tables?catalog_name=crm&schema_name=main"), None).await.1;
    assert_eq!(listed["tables"].as_array().unwrap().len(), 1, "{listed}");
    let asked = json!({"table_id": table["table_id"], "operation": "READ"});
    let (status, said) = told("owner", "POST", &format!("{unity}/temporary-table-credentials"), Some(asked)).await;
    assert!(status == 400 && said.to_string().contains("has no files"), "{status} {said}");
    let schema = json!({"name": "mine", "catalog_name": "crm"});
    let (status, said) = told("owner", "POST", &format!("{unity}/schemas"), Some(schema)).await;
    assert!(status == 400 && said.to_string().contains("catalog of a connection"), "{status} {said}");
    let (status, _) = told("owner", "DELETE", &format!("{unity}/tables/crm.main.people"), None).await;
    assert!(status >= 400, "{status}");
    let (status, said) = told("owner", "GET", "/iceberg/v1/crm/namespaces/main/tables/people", None).await;
    assert!(status == 404 && said.to_string().contains("table of another database"), "{status} {said}");
    let (status, _) = told("outsider", "GET", &format!("{unity}/tables/crm.main.people"), None).await;
    assert_eq!(status, 404);
}
