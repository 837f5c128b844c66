//! What only the mesh as a whole shows to be wrong: SQL, against what it reads and what is declared.

use polder_api::{MeshFiles, MeshVariables};
use polder_descriptor::Fault;
use polder_platform::validate_files;

const POLDER: &str = "\
organization: Example
tenants: [nonprod]
environments: [{name: dev, tenant: nonprod}]
departments: [money]
users: [olga]
groups: [{name: owners, members: [olga]}]
";
const ORDERS: &str = "\
entityName: orders
entityVersion: v1
columns:
  - {name: day, type: date}
  - {name: buyer, type: string, tags: [pii]}
  - {name: amount, type: bigint}
";
const FIGURES: &str = "\
type: view
entityName: figures
entityVersion: v1
columns:
  - {name: day, type: date}
  - {name: orders, type: bigint, measure: count(*)}
  - {name: total, type: bigint, measure: sum(amount)}
sql: select day, buyer, amount from finance.bronze.orders_v1
";
const FILE: &str = "domains/finance/datasets/figures.yaml";

/// The faults of the metric view with a part of it replaced, without the file's name.
async fn figures(from: &str, to: &str) -> Vec<String> {
    assert!(FIGURES.contains(from), "{from}");
    let files: MeshFiles = [
        ("polder.yaml", POLDER.to_owned()),
        ("domains/finance/domain.yaml", "{department: money, owner: owners}\n".to_owned()),
        ("domains/finance/datasets/orders.yaml", ORDERS.to_owned()),
        (FILE, FIGURES.replace(from, to)),
    ]
    .map(|(path, text)| (path.to_owned(), text))
    .into();
    let validation = validate_files(files, MeshVariables::new()).await.unwrap();
    let plain = |fault: &Fault| fault.to_string().replace(&format!("{FILE}:"), "");
    validation.faults.iter().map(plain).collect()
}

#[tokio::test]
async fn a_measure_that_does_not_hold_is_told_on_its_own_line() {
    let total = "measure: sum(amount)";
    for (measure, expect) in [
        (total, vec![]),
        (
            "measure: 1",
            vec![
                "7:42: error: the measure total does not hold: it is no aggregate, so that it says nothing of the rows (write one, such as count(*) or sum(amount))",
            ],
        ),
        (
            "measure: amount",
            vec![
                "7:42: error: the measure total does not hold: amount stands outside of an aggregate: it has a value for each row, a measure one for many (write an aggregate of it, such as max(amount), or make it a dimension)",
            ],
        ),
        (
            "measure: sum(nothing)",
            vec![
                "7:42: error: the measure total does not hold: its view's query has no column nothing (its columns are day, buyer, amount)",
            ],
        ),
        (
            "measure: max(buyer)",
            vec![
                "7:12: error: column total is string in the query and bigint in the view, and values could be lost (write `cast(... as bigint) as total`)",
                "7:12: error: column total derives from finance.bronze.orders_v1.buyer, which is PII, and the view's column is not tagged so (tag the view's column `tags: [pii]`)",
            ],
        ),
    ] {
        assert_eq!(figures(total, measure).await, expect, "{measure}");
    }
}
