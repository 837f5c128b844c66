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
    assert_snapshot!(ask("bob@example.com"), @"
    exit 0
    --- stdout
    ┌──────────┬─────────────────┬────────┐
    │ order_id ┆ customer_email  ┆ amount │
    ╞══════════╪═════════════════╪════════╡
    │        1 ┆ e************om ┆  19.95 │
    │        2 ┆ t************om ┆   5.00 │
    └──────────┴─────────────────┴────────┘
    2 rows
    --- stderr
    ");
    assert_snapshot!(ask("ana@example.com"), @"
    exit 0
    --- stdout
    ┌──────────┬─────────────────┬────────┐
    │ order_id ┆ customer_email  ┆ amount │
    ╞══════════╪═════════════════╪════════╡
    │        1 ┆ eva@example.com ┆  19.95 │
    │        2 ┆ tom@example.com ┆   5.00 │
    └──────────┴─────────────────┴────────┘
    2 rows
    --- stderr
    ");
    assert_snapshot!(ask("sales_jobs"), @"
    exit 0
    --- stdout
    ┌──────────┬─────────────────┬────────┐
    │ order_id ┆ customer_email  ┆ amount │
    ╞══════════╪═════════════════╪════════╡
    │        1 ┆ eva@example.com ┆  19.95 │
    │        2 ┆ tom@example.com ┆   5.00 │
    └──────────┴─────────────────┴────────┘
    2 rows
    --- stderr
    ");

    // Forms, on the same mesh: making one takes longer than asking it.
    let form = |form: &str| polder(folder, &["query", NAMES, "--output", form]).well();
    assert_snapshot!(form("csv"), @"
    order_id,customer_email,amount
    1,eva@example.com,19.95
    2,tom@example.com,5.00
    ");
    assert_snapshot!(form("json"), @r#"[{"order_id":1,"customer_email":"eva@example.com","amount":19.95},{"order_id":2,"customer_email":"tom@example.com","amount":5.00}]"#);
    assert_snapshot!(form("ndjson"), @r#"
    {"order_id":1,"customer_email":"eva@example.com","amount":19.95}
    {"order_id":2,"customer_email":"tom@example.com","amount":5.00}
    "#);
    // The ending of a file says its form, unless that is said.
    let saved = |file: &str, more: &[&str]| {
        polder(folder, &[&["query", NAMES, "--to", file], more].concat()).well();
        std::fs::read(folder.join(file)).unwrap()
    };
    assert_eq!(&saved("out.parquet", &[])[..4], b"PAR1");
    assert_eq!(saved("out.CSV", &[]), form("csv").as_bytes());
    assert_eq!(saved("out.json", &[]), form("json").as_bytes());
    assert_eq!(saved("out.ndjson", &[]), form("ndjson").as_bytes());
    assert_eq!(saved("out.txt", &["--output", "csv"]), form("csv").as_bytes());
    assert_eq!(saved("other.json", &["--output", "csv"]), form("csv").as_bytes());
    let failed =
        polder(folder, &["query", "select cast(customer_email as bigint) from sales.bronze.orders_v1", "--to", "no.csv"]);
    assert_ne!(failed.code, 0, "{}", failed.all());
    assert!(!folder.join("no.csv").exists() && !folder.join("no.csv.partial").exists());

    // SQL from a file and from a pipe, several statements.
    write(folder, "two.sql", "select 1 as a; -- one\nselect ';' as b;\n");
    assert_eq!(polder(folder, &["query", "--file", "two.sql", "-o", "csv"]).well(), "a\n1\nb\n;\n");
    assert_eq!(piped(folder, &["query", "-o", "csv"], "select 3 as c").well(), "c\n3\n");

    // What explains it.
    assert_snapshot!(polder(folder, &["explain", "access", "bob@example.com", "sales.bronze.orders_v1"]).all(), @"
    exit 0
    --- stdout
    yes: user bob@example.com may read table sales.bronze.orders_v1, at the regular level
      because: USE CATALOG on catalog sales, granted to analysts
      because: USE SCHEMA on schema sales.bronze, granted to analysts
      because: SELECT on table sales.bronze.orders_v1, granted to analysts
      because: READ PII on table sales.bronze.orders_v1 is missing
      masked: customer_email (partial)
    --- stderr
    ");
    assert_snapshot!(polder(folder, &["describe", "sales/orders/v1", "--as", "bob@example.com"]).all(), @"
    exit 0
    --- stdout
    table sales.bronze.orders_v1
    owner       sales_owners
    comment     orders as the shop exports them
    location    aws/dev-sales/bronze/orders_v1
    checks      unique_order_id, range_amount
    rows        you see all

    COLUMN          TYPE           MISSING  TAGS  YOU SEE       DESCRIPTION
    order_id        bigint         never          values
    ordered_on      date           never          values
    customer_email  string         never    pii   partial mask
    amount          decimal(12,2)  never          values
    note            string         may be         values
    --- stderr
    ");
    assert_snapshot!(polder(folder, &["ls", "--as", "carl@example.com"]).all(), @"
    exit 0
    --- stdout
    there is nothing here that you may see
    --- stderr
    ");
    assert_snapshot!(polder(folder, &["history", "sales.bronze.orders_v1"]).all(), @"
    exit 0
    --- stdout
    VERSION  TIME                  OPERATION     ROWS  JOB                AS
          1  [time]  WRITE            3  sales/load_orders  sales_jobs
          0  [time]  CREATE TABLE
    --- stderr
    ");
    let listed = |command: &str| polder(folder, &[command, "--limit", "2"]).well().lines().map(str::to_owned).collect::<Vec<_>>();
    let runs = listed("runs");
    assert!(runs.len() == 3 && runs[0].starts_with("STARTED") && runs[1].contains("sales/daily_revenue"), "{runs:#?}");
    let audit = listed("audit");
    assert!(audit.len() == 3 && audit[0].trim_start().starts_with('#') && audit[1].contains("allowed"), "{audit:#?}");
    let audit = polder(folder, &["audit", "--limit", "1", "--output", "json"]).well();
    assert!(serde_json::from_str::<serde_json::Value>(&audit).unwrap()[0]["determined_by"].is_array(), "{audit}");
}

#[test]
fn a_broken_pipe_is_no_fault() {
    let folder = loaded();
    let digits = "(values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))";
    let million = ["a", "b", "c", "d", "e", "f"].map(|name| format!("{digits} as {name}({name})")).join(", ");
    let sql = format!("select * from {million}");
    let binary = env!("CARGO_BIN_EXE_polder");
    for form in ["table", "csv", "json", "ndjson", "parquet"] {
        // The exit code goes to stderr, for that of a pipe is its last command's.
        let script = format!("{{ '{binary}' query \"{sql}\" -o {form}; echo $? >&2; }} | head -c 20");
        let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(folder.path()).output().unwrap();
        assert_eq!((output.stdout.len(), &*String::from_utf8_lossy(&output.stderr)), (20, "0\n"), "{form}");
    }
}
