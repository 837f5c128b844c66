//! Files of a mesh that are not what they should be: each is named with its place, and nothing is changed.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{edit, polder, starter, write};
use crate::trouble::{applied, ask_state, contents, refused};

const ORDERS: &str = "domains/sales/datasets/orders.yaml";
const ACCESS: &str = "access/sales.yaml";

/// `validate`, `plan` and `apply` refuse what is in the folder, saying all of this, and change nothing.
fn invalid(mesh: &TempDir, what: &str, says: &[&str]) {
    let folder = mesh.path();
    let before = kept(folder);
    for args in [&["validate"][..], &["plan"], &["apply", "--yes"]] {
        let said = polder(folder, args);
        refused(&said, 2, says);
        assert!(said.all().len() < 20_000, "{} bytes are said", said.all().len());
    }
    assert_eq!(kept(folder), before, "{what}");
}

/// Files with their bytes.
type Files = Vec<(PathBuf, Vec<u8>)>;

/// What polder keeps: the bytes of tables, the metastore, what was recorded, and what was begun.
fn kept(folder: &Path) -> (Files, Vec<Vec<String>>) {
    let tables = ["entries", "recorded", "environments"]
        .map(|table| format!("select environment, cast(count(*) as text) from {table} group by 1"));
    let all = tables
        .into_iter()
        .chain(["select address, resource from entries order by 1".to_owned(), "select id, status from operations".to_owned()]);
    (contents(&folder.join(".polder/nonprod/lake")), all.map(|sql| ask_state(folder, &sql)).collect())
}

#[test]
fn yaml_that_is_none_or_too_much_is_named_with_its_line() {
    let bomb = (1..9).fold("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, n| {
        let aliases = vec![format!("*a{}", n - 1); 9].join(", ");
        format!("{text}a{n}: &a{n} [{aliases}]\n")
    });
    let cases: [(&str, Vec<u8>, &[&str]); 12] = [
        ("malformed", b"grants: [\n".to_vec(), &["access/more.yaml:1:10", "this is not YAML"]),
        ("a tab", b"grants:\n\t- {to: analysts}\n".to_vec(), &["access/more.yaml:2"]),
        ("five megabytes", b"# padding\n".repeat(524_288), &["access/more.yaml", "split it"]),
        ("an alias bomb", bomb.into_bytes(), &["access/more.yaml:"]),
        ("a key twice", b"grants: []\ngrants: []\n".to_vec(), &["access/more.yaml:2:1", "grants"]),
        ("not UTF-8", b"grants:\n  - {to: \"\xff\xfe\", on: sales}\n".to_vec(), &["access/more.yaml:2", "UTF-8"]),
        ("NUL", b"grants: \"a\0b\"\n".to_vec(), &["access/more.yaml:1"]),
        ("nothing", Vec::new(), &["access/more.yaml"]),
        ("a list", b"- 1\n- 2\n".to_vec(), &["access/more.yaml:1"]),
        ("deep", [b"grants: ".to_vec(), b"[".repeat(50_000)].concat(), &["access/more.yaml:1"]),
        ("two documents", b"grants: []\n---\ngrants: []\n".to_vec(), &["access/more.yaml"]),
        ("an unknown tag", b"grants: !!python/object:os.system [ls]\n".to_vec(), &["access/more.yaml:1"]),
    ];
    let mesh = applied();
    for (what, bytes, says) in cases {
        fs::write(mesh.path().join("access/more.yaml"), bytes).unwrap();
        invalid(&mesh, what, says);
    }
    fs::remove_file(mesh.path().join("access/more.yaml")).unwrap();
    polder(mesh.path(), &["validate"]).well();
}

#[test]
fn a_top_file_that_is_none_is_said_before_anything_is_made() {
    for bytes in [&b"organization: [\n"[..], b"\xff\xfe", b"", b"organization: a\norganization: b\n", b"tenants: 7\n"] {
        let mesh = starter();
        fs::write(mesh.path().join("polder.yaml"), bytes).unwrap();
        for command in ["validate", "plan", "apply", "run", "query", "ls"] {
            let args: &[&str] = match command {
                "run" => &["run", "--all"],
                "query" => &["query", "select 1"],
                "apply" => &["apply", "--yes"],
                other => &[other],
            };
            refused(&polder(mesh.path(), args), 2, &["polder.yaml"]);
        }
        assert!(!mesh.path().join(".polder/nonprod").exists());
    }
}

#[test]
fn names_that_are_none_are_refused_where_they_stand() {
    let long = "x".repeat(300);
    let names = [
        "../../etc",
        "a/b",
        "a b",
        "a\\0b",
        "o'brien",
        "a\\\"b",
        "..",
        ".",
        "",
        "-x",
        "заказы",
        "注文",
        "a\\nb",
        "a;drop table",
        "${",
        &long,
    ];
    let mesh = applied();
    let places = [
        (ORDERS, "entityName: orders"),
        (ORDERS, "bucket: sales"),
        (ORDERS, "prefix: bronze"),
        ("polder.yaml", "name: analysts"),
    ];
    for (file, at) in places {
        let key = at.split(':').next().unwrap();
        let text = fs::read_to_string(mesh.path().join(file)).unwrap();
        for name in names {
            write(mesh.path(), file, &text.replacen(at, &format!("{key}: \"{name}\""), 1));
            let said = polder(mesh.path(), &["validate"]);
            let line = 1 + text.lines().position(|line| line.contains(at)).unwrap();
            refused(&said, 2, &[&format!("{file}:{line}:")]);
            refused(&polder(mesh.path(), &["apply", "--yes"]), 2, &[]);
        }
        write(mesh.path(), file, &text);
    }
    let plan = polder(mesh.path(), &["plan"]).well();
    assert!(plan.contains("Nothing to do"), "{plan}");
}

#[test]
fn column_names_are_refused_where_they_stand_and_words_of_sql_are_none() {
    let mesh = applied();
    let folder = mesh.path();
    let note = "  - {name: note, type: string, optional: true}\n";
    let text = fs::read_to_string(folder.join(ORDERS)).unwrap();
    let long = "x".repeat(300);
    for name in ["it's", "two words", "größe", "数量", "a.b", "a,b", "a\\\"b", "a\\0b", "../x", "", &long] {
        let column = format!("  - {{name: \"{name}\", type: string, optional: true}}\n");
        write(folder, ORDERS, &text.replace(note, &format!("{note}{column}")));
        let line = text.lines().position(|line| line.contains("name: note")).unwrap() + 2;
        refused(&polder(folder, &["validate"]), 2, &[&format!("{ORDERS}:{line}:12: error: a column name")]);
    }
    write(folder, ORDERS, &text.replace(note, &format!("{note}  - {{name: select, type: string, optional: true}}\n")));
    polder(folder, &["apply", "--yes"]).well();
    polder(folder, &["run", "--all"]).well();
    let sql = "select count(*) as n from sales.bronze.orders_v1 where \"select\" is null";
    assert_eq!(polder(folder, &["query", sql, "-o", "csv"]).well(), "n\n3\n");
}

#[test]
fn file_names_that_are_odd_do_not_hide_a_fault() {
    let mesh = applied();
    let names: [&[u8]; 4] = [b"o'brien \"x\".yaml", "注文.yaml".as_bytes(), b"\xff\xfe.yaml", b"line\nbreak.yaml"];
    for name in names {
        let path = mesh.path().join("access").join(std::ffi::OsStr::from_bytes(name));
        fs::write(&path, "grants: [\n").unwrap();
        invalid(&mesh, "", &["access/", "this is not YAML"]);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn links_out_of_the_mesh_are_refused_and_never_read() {
    let outside = TempDir::new().unwrap();
    let secret = "secret-from-outside: [";
    fs::write(outside.path().join("secret.yaml"), secret).unwrap();
    let targets: [(&str, &Path); 4] = [
        ("a file", &outside.path().join("secret.yaml")),
        ("a folder", outside.path()),
        ("nowhere", Path::new("/no/such/place")),
        ("itself", Path::new("linked.yaml")),
    ];
    for (what, target) in targets {
        let mesh = applied();
        let link = mesh.path().join("access/linked.yaml");
        symlink(target, &link).unwrap();
        invalid(&mesh, what, &["access/linked.yaml", "link"]);
        assert!(!polder(mesh.path(), &["validate"]).all().contains("secret-from-outside"), "{what}");
    }
    // A folder whose name ends like no file's.
    let mesh = applied();
    symlink(outside.path(), mesh.path().join("domains/elsewhere")).unwrap();
    invalid(&mesh, "", &["domains/elsewhere", "link"]);
    // A job's query.
    let mesh = applied();
    let query = mesh.path().join("domains/sales/jobs/daily_revenue.sql");
    fs::remove_file(&query).unwrap();
    symlink(outside.path().join("secret.yaml"), &query).unwrap();
    invalid(&mesh, "", &["daily_revenue.sql", "link"]);
}

#[test]
fn a_job_reads_nothing_through_links_out_of_the_mesh() {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("x.csv"), "order_id,ordered_on,customer_email,amount,note\n9,2026-01-01,x@example.com,1.00,\n")
        .unwrap();
    for target in [outside.path().join("x.csv"), outside.path().to_owned()] {
        let mesh = applied();
        edit(mesh.path(), "domains/sales/jobs/load_orders.yaml", "landing/orders/*.csv", "landing/orders/**/*.csv");
        polder(mesh.path(), &["apply", "--yes"]).well();
        let name = if target.is_dir() { "folder" } else { "x.csv" };
        symlink(&target, mesh.path().join("landing/orders").join(name)).unwrap();
        let said = polder(mesh.path(), &["run", "sales/load_orders"]);
        let rows =
            polder(mesh.path(), &["query", "select count(*) as n from sales.bronze.orders_v1 where order_id = 9", "-o", "csv"])
                .well();
        assert_eq!(rows, "n\n0\n", "{}", said.all());
    }
}

#[test]
fn circles_are_shown_with_their_path() {
    let mesh = applied();
    edit(mesh.path(), "polder.yaml", "members: [ana@example.com]", "members: [ana@example.com, analysts]");
    edit(mesh.path(), "polder.yaml", "members: [bob@example.com]", "members: [bob@example.com, sales_owners]");
    invalid(&mesh, "", &["polder.yaml:", "sales_owners", "analysts", "->"]);

    let mesh = applied();
    let jobs = "domains/sales/jobs";
    write(
        mesh.path(),
        &format!("{jobs}/back.yaml"),
        "specVersion: v1\nname: back\nsources:\n  - {domain: sales, name: revenue, version: v1}\nsink: {domain: sales, name: orders, version: v1}\nframework: {kind: sql}\n",
    );
    write(
        mesh.path(),
        &format!("{jobs}/back.sql"),
        "select orders as order_id, day as ordered_on, 'x' as customer_email, cast(revenue as decimal(12,2)) as amount, cast(null as string) as note from revenue\n",
    );
    invalid(&mesh, "", &["sales/daily_revenue", "sales/back", "->"]);

    let mesh = applied();
    edit(mesh.path(), "polder.yaml", "members: [bob@example.com]", "members: [analysts]");
    invalid(&mesh, "", &["polder.yaml:", "analysts"]);
}

#[test]
fn a_grant_to_nobody_or_on_nothing_is_refused() {
    let mesh = applied();
    let text = fs::read_to_string(mesh.path().join(ACCESS)).unwrap();
    for (from, to, says) in [
        ("to: analysts", "to: analyst", "did you mean 'analysts'"),
        ("to: analysts", "to: bob@example.com", "bob@example.com"),
        ("on: sales.bronze.orders_v1", "on: sales.bronze.order_v1", "sales.bronze.orders_v1"),
        ("level: regular", "level: all", "regular"),
        ("level: regular", "privileges: [SELCT]", "SELECT"),
    ] {
        write(mesh.path(), ACCESS, &text.replacen(from, to, 1));
        invalid(&mesh, "", &["access/sales.yaml:3:", says]);
    }
}
