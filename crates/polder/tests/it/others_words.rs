//! Texts that others wrote, on a terminal: nothing but text, while programs get them as they are.

use serde_json::Value;

use crate::support::{edit, polder, starter};

/// What somebody writes who wants more than to be read, as a descriptor and as JSON hold it.
const COMMENT: &str = r#""c\x1b]0;pwn\x07\x1b[31mRED\x1b[0m\r\nfake row\u202e""#;
const MEANS: &str = "c\x1b]0;pwn\x07\x1b[31mRED\x1b[0m\r\nfake row\u{202e}";
const SHOWN: &str = r"c\u{1b}]0;pwn\u{7}\u{1b}[31mRED\u{1b}[0m\r\nfake row\u{202e}";

/// All but line ends moves nothing.
fn plain(text: &str) -> bool {
    !text.chars().any(|c| (c.is_control() && c != '\n') || ('\u{200b}'..='\u{202e}').contains(&c))
}

#[test]
fn comments_names_and_errors_steer_no_terminal() {
    let made = starter();
    let folder = made.path();
    let ask = |args: &[&str]| polder(folder, args);
    edit(folder, "domains/sales/datasets/orders.yaml", "orders as the shop exports them", COMMENT);
    edit(folder, "domains/sales/datasets/orders.yaml", "name: note, ", &format!("name: note, description: {COMMENT}, "));
    let applied = ask(&["apply", "--yes"]).well();
    assert!(plain(&applied), "{applied:?}");

    let listed = ask(&["ls"]).well();
    assert!(
        plain(&listed) && listed.lines().any(|line| line.starts_with("sales.bronze.orders_v1 ") && line.ends_with(SHOWN)),
        "{listed:?}"
    );
    assert_eq!(listed.lines().count(), 4, "{listed}");
    let described = ask(&["describe", "sales.bronze.orders_v1"]).well();
    assert!(plain(&described) && described.contains(&format!("\ncomment     {SHOWN}\n")), "{described:?}");
    assert!(described.lines().any(|line| line.starts_with("note ") && line.ends_with(SHOWN)), "{described:?}");
    let described: Value = serde_json::from_str(&ask(&["describe", "sales.bronze.orders_v1", "-o", "json"]).well()).unwrap();
    assert_eq!(described["comment"], MEANS);

    let sql = "select 'a\u{200b}\x1b[2J' as \"\x1b[5mcol\"";
    let asked = ask(&["query", sql]).well();
    assert!(plain(&asked) && asked.contains(r"│ \u{1b}[5mcol ") && asked.contains(r"a\u{200b}\u{1b}[2J"), "{asked:?}");
    assert_eq!(ask(&["query", sql, "-o", "csv"]).well(), "\x1b[5mcol\na\u{200b}\x1b[2J\n");

    for color in ["always", "never"] {
        let refused = ask(&["query", "select * from \"\x1b[31mno\u{2066}\r\nerror: x\"", "--color", color]);
        let said = refused.stderr.replace("\x1b[31m\x1b[1merror:\x1b[0m\x1b[0m", "error:");
        assert_eq!(refused.code, 4, "{said}");
        assert!(said.contains(r"\u{1b}[31mno\u{2066}\r") && !said.contains("\nerror: x"), "{said:?}");
        assert!(!said.contains("\x1b[31mno"), "{said:?}");
        assert!(color == "always" || plain(&said), "{said:?}");
        assert_eq!(refused.stderr.contains('\x1b'), color == "always", "{said:?}");
    }
}
