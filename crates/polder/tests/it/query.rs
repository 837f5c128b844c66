//! Queries: who sees what, in which form.

use insta::assert_snapshot;

use crate::support::{edit, loaded, piped, polder, write};

const NAMES: &str = "select order_id, customer_email, amount from sales.bronze.orders_v1 order by order_id limit 2";

#[test]
fn the_same_question_has_an_answer_for_each() {
    let folder = loaded();
    let folder = folder.path();
    // Hashes are keyed anew in every folder.
    edit(folder, "domains/sales/datasets/orders.yaml", "mask: hash", "mask: partial");
    edit(folder, "polder.yaml", "users: [", "users: [carl@example.com, ");
    polder(folder, &["apply", "--yes"]).well();
    let ask = |who: &str| polder(folder, &["query", NAMES, "--as", who]).all();
    assert_snapshot!(ask("bob@example.com"), @"");
    assert_snapshot!(ask("ana@example.com"), @"");
    assert_snapshot!(ask("sales_jobs"), @"");

    // Forms, on the same mesh: making one takes longer than asking it.
    let form = |form: &str| polder(folder, &["query", NAMES, "--output", form]).well();
    assert_snapshot!(form("csv"), @"");
    assert_snapshot!(form("json"), @"");
    assert_snapshot!(form("ndjson"), @"");
    polder(folder, &["query", NAMES, "--output", "parquet", "--to", "out.parquet"]).well();
    assert_eq!(&std::fs::read(folder.join("out.parquet")).unwrap()[..4], b"PAR1");

    // SQL from a file and from a pipe, several statements.
    write(folder, "two.sql", "select 1 as a; -- one\nselect ';' as b;\n");
    assert_eq!(polder(folder, &["query", "--file", "two.sql", "-o", "csv"]).well(), "a\n1\nb\n;\n");
    assert_eq!(piped(folder, &["query", "-o", "csv"], "select 3 as c").well(), "c\n3\n");

    // What explains it.
    assert_snapshot!(polder(folder, &["explain", "access", "bob@example.com", "sales.bronze.orders_v1"]).all(), @"");
    assert_snapshot!(polder(folder, &["describe", "sales/orders/v1", "--as", "bob@example.com"]).all(), @"");
    assert_snapshot!(polder(folder, &["ls", "--as", "carl@example.com"]).all(), @"");
    assert_snapshot!(polder(folder, &["history", "sales.bronze.orders_v1"]).all(), @"");
    let audit = polder(folder, &["audit", "--limit", "1", "--output", "json"]).well();
    assert!(serde_json::from_str::<serde_json::Value>(&audit).unwrap()[0]["determined_by"].is_array(), "{audit}");
}

#[test]
fn a_broken_pipe_is_no_fault() {
    let folder = loaded();
    let sql = "select * from generate_series(1, 1000000)";
    let binary = env!("CARGO_BIN_EXE_polder");
    let script = format!("'{binary}' query \"{sql}\" -o csv | head -n 1");
    let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
    assert_eq!((String::from_utf8_lossy(&output.stdout).lines().count(), &*String::from_utf8_lossy(&output.stderr)), (1, ""));
}
