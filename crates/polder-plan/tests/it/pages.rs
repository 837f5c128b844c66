//! How plans look on pages that take some texts for more than texts, and how they are kept in files.

use insta::assert_snapshot;
use polder_model::Resource;
use polder_plan::render::{Style, markdown, text};
use polder_plan::{Action, Plan};

use crate::mesh::{Case, department, table, table_with, with};

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
    markdown(plan).replace(plan.id.as_str(), "ID")
}

#[test]
fn no_text_of_a_file_leaves_its_code_span() {
    assert_snapshot!(page(&hostile().plan()), @r#"
    ### Plan for `dev` (tenant `main`)

    | create | update | replace | delete | drift | held back |
    |---:|---:|---:|---:|---:|---:|
    | 0 | 1 | 0 | 0 | 0 | 2 |

    #### Update

    - `~` `table:finance.bronze.customer_v1`
      - `` description of column 'id' set to ` ``
      - ```comment set to 'a|b `x` ``y`` <img src=x onerror=alert(1)>\n# heading\r\n@team …'```

    #### Held back

    - `group:owners`
      - `it could not be read: permission denied`
      - declared in `group.yaml:3:1`
      - help: `make it readable, then plan again; it is never taken to be absent`
    - `table:finance.bronze.new_v1`
      - `waits for group:owners`
      - declared in `table.yaml:3:1`
      - help: `plan again once group:owners can be read`

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
    assert!(page(&plan).contains("\n- and 50 more\n"));
    assert_eq!(text(&plan, &Style::default()).matches("+ department").count(), 150);
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
