//! How plans look on pages that take some texts for more than texts, and how they are kept in files.

use insta::assert_snapshot;
use polder_model::Resource;
use polder_plan::render::{CapacityChange, Lost, Style, markdown, text};
use polder_plan::{Action, Plan};

use crate::mesh::{Case, catalog, department, domain, group, table, table_with, view, with};

const HOSTILE: &str = "a|b `x` ``y`` <img src=x onerror=alert(1)>\n# heading\r\n@team #1 [l](javascript:x) \u{1b}[31m \u{202e}";

fn hostile() -> Case {
    let name = "finance.bronze.customer_v1";
    let after = table_with(name, &["id int"], |table| {
        table.comment = HOSTILE.to_owned();
        table.columns[0].description = "`".to_owned();
    });
    Case::new(&with(&[table(name, &["id int"])]), &with(&[after, table("finance.bronze.new_v1", &["id int"])]))
        .unreadable("group:owners")
}

/// The page with the plan's id, which says nothing to a reader of this file, left out.
fn page(plan: &Plan) -> String {
    markdown(plan, &[], &[]).replace(plan.id.as_str(), "ID")
}

#[test]
fn no_text_of_a_file_leaves_its_code_span() {
    assert_snapshot!(page(&hostile().plan()), @r#"
    <!-- polder plan of dev -->
    ### Plan for `dev` (tenant `main`)

    | create | update | replace | delete | drift | held back |
    |---:|---:|---:|---:|---:|---:|
    | 0 | 1 | 0 | 0 | 0 | 2 |

    #### Held back: wanted, and not done

    - `group:owners`
      - `it could not be read: permission denied`
      - declared in `group.yaml:3:1`
      - help: `make it readable, then plan again; it is never taken to be absent`
    - `table:finance.bronze.new_v1`
      - `waits for group:owners`
      - declared in `table.yaml:3:1`
      - help: `plan again once group:owners can be read`

    #### `finance`: 1 to update

    - `~` `table:finance.bronze.customer_v1`
      - `` description of column 'id' set to ` ``
      - ```comment set to 'a|b `x` ``y`` <img src=x onerror=alert(1)>\n# heading\r\n@team …'```

    On top of state 7; plan `ID`
    "#);
}

#[test]
fn no_text_of_a_file_moves_a_terminals_cursor() {
    let shown = text(&hostile().plan(), &Style { color: false, verbose: true });
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{shown:?}");
    assert!(text(&hostile().plan(), &Style { color: true, verbose: false }).contains("\u{1b}["));
}

#[test]
fn a_long_list_is_cut_on_a_page_and_whole_in_a_terminal() {
    let many: Vec<Resource> = (0..150).map(|i| department(&format!("d{i}"))).collect();
    let plan = Case::new(&[], &many).plan();
    assert_eq!(page(&plan).matches("`department:").count(), 100);
    assert!(page(&plan).contains("\nand 50 more, which `polder plan` shows\n"));
    assert_eq!(text(&plan, &Style::default()).matches("+ department").count(), 150);
}

#[test]
fn a_page_is_never_longer_than_a_comment_may_be() {
    let name = |i: usize| format!("finance.bronze.t{i}{}_v1", "x".repeat(90));
    let columns = |count: usize| (0..count).map(|i| format!("c{i} int?")).collect::<Vec<_>>();
    let tables = |count: usize| -> Vec<Resource> {
        let columns = columns(count);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        (0..100).map(|i| table(&name(i), &columns)).collect()
    };
    let page = page(&Case::new(&with(&tables(1)), &with(&tables(40))).plan());
    assert!(page.len() < 60_500 && page.len() > 50_000, "{}", page.len());
    assert!(page.contains("  - and 19 more reasons\n"), "{page}");
    let listed = page.matches("- `~` `table:").count();
    assert!(page.contains(&format!("\nand {} more, which `polder plan` shows\n", 100 - listed)), "{page}");
    assert!(page.ends_with("On top of state 7; plan `ID`\n"), "{page}");
}

#[test]
fn what_is_destroyed_stands_first_and_changes_are_by_domain() {
    let (old, new) = ("finance.bronze.customer_v1", "finance.bronze.orders_v1");
    let before = with(&[table(old, &["id int"]), view("finance.bronze.v_v1", "select 1"), group("gone", &[])]);
    let sales = [domain("sales"), catalog("sales")];
    let case = Case::new(&before, &[with(&[table(new, &["id int"])]), sales.to_vec()].concat());
    assert_snapshot!(page(&case.allow("table:finance.bronze.customer_v1").plan()), @r"
    <!-- polder plan of dev -->
    ### Plan for `dev` (tenant `main`)

    | create | update | replace | delete | drift | held back |
    |---:|---:|---:|---:|---:|---:|
    | 3 | 0 | 0 | 3 | 0 | 0 |

    #### DATA IS DESTROYED

    **No apply brings back what is in:**

    - **`table:finance.bronze.customer_v1`**

    #### Beside the domains: 1 to delete

    - `-` `group:gone` **deleted**
      - `no longer declared`

    #### `finance`: 1 to create, 2 to delete

    - `-` `table:finance.bronze.customer_v1` **DESTROYED, WITH ITS DATA**
      - `no longer declared`
    - `+` `table:finance.bronze.orders_v1`
      - `new in table.yaml:3:1`
    - `-` `view:finance.bronze.v_v1` **deleted**
      - `no longer declared`

    #### `sales`: 2 to create

    - `+` `domain:sales`
      - `new in domain.yaml:3:1`
    - `+` `catalog:sales`
      - `new in catalog.yaml:3:1`

    On top of state 7; plan `ID`
    ");
}

#[test]
fn capacity_is_shown_with_what_it_was() {
    let change = |limit: &str, within: &str, before, after, most| CapacityChange {
        limit: limit.to_owned(),
        within: within.to_owned(),
        before,
        after,
        most,
    };
    let capacity = [
        change("azure.storageAccounts", "zone dev/a|b/azure", Some(3), Some(125), 250),
        change("aws.buckets", "zone dev/x/aws", None, Some(1), 0),
        change("databricks.schemas", "catalog <b> in dev", Some(2), None, 10_000),
    ];
    let page = markdown(&Case::new(&[], &[]).plan(), &[], &capacity);
    let (_, table) = page.split_once("#### Capacity\n\n").unwrap();
    let rows: Vec<&str> = table.lines().take(5).collect();
    let expect = [
        "| limit | of | planned before | planned now | most | full |",
        "|---|---|---:|---:|---:|---:|",
        "| `azure.storageAccounts` | `zone dev/a\\|b/azure` | 3 | 125 | 250 | 50 % |",
        "| `aws.buckets` | `zone dev/x/aws` |  | 1 | 0 | 100 % |",
        "| `databricks.schemas` | `catalog <b> in dev` | 2 |  | 10000 |  |",
    ];
    assert_eq!(rows, expect);
}

#[test]
fn what_is_lost_is_shown_apart_from_what_would_be() {
    let lost = |address: &str, planned, readers: &str| Lost {
        address: address.to_owned(),
        planned,
        rows: "1,200".to_owned(),
        size: String::new(),
        changed: "2026-11-01".to_owned(),
        readers: readers.to_owned(),
        shared_with: String::new(),
    };
    let lost = [lost("table:a.b.held_v1", false, ""), lost("table:a.b.gone_v1", true, "@team|`x`")];
    let page = markdown(&Case::new(&[], &[]).plan(), &lost, &[]);
    let (_, tables) = page.split_once("#### What this destroys\n\n").unwrap();
    let rows: Vec<&str> = tables.lines().filter(|line| line.contains("table:") || line.starts_with('#')).collect();
    let expect = [
        "| `table:a.b.gone_v1` | 1,200 |  | 2026-11-01 | `` @team\\|`x` `` |  |",
        "#### What would be destroyed if it were allowed to",
        "| `table:a.b.held_v1` | 1,200 |  | 2026-11-01 |  |  |",
    ];
    assert_eq!(rows, expect);
}

#[test]
fn a_plan_reads_back_from_its_file() {
    let plan = hostile().plan();
    let file = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&file).unwrap(), plan);
    assert_eq!(plan.change(&plan.changes[0].address).map(|change| change.action), Some(Action::Update));
}

#[test]
fn a_plan_of_another_format_is_refused() {
    let file = serde_json::to_string(&hostile().plan()).unwrap().replacen("\"format\":2", "\"format\":1", 1);
    let error = serde_json::from_str::<Plan>(&file).unwrap_err().to_string();
    assert!(error.starts_with("the plan is written in format 1, this polder reads format 2: make the plan again"), "{error}");
}
