//! Plans are shown down to the barrier of a governed table.

use super::mesh::{PEOPLE, analysts_mesh, engine, in_memory, in_parquet, people_batch, rows};

#[tokio::test]
async fn a_plan_tells_nothing_of_row_filters_masks_and_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let batch = people_batch(&PEOPLE);
    let engine = engine();
    for people in [in_memory(&batch), in_parquet(folder.path(), &batch).await] {
        let mesh = analysts_mesh(&people);
        for explain in ["explain", "explain verbose", "explain analyze", "explain analyze verbose", "explain (analyze) "] {
            for query in [
                "select email from finance.bronze.people_v1 where salary > 65",
                "select p.id from finance.bronze.people_v1 p join ecommerce.silver.orders_v2 o on p.id = o.personId order by p.born limit 1",
                "select who from finance.gold.earners",
                "select max(born), min(salary) from finance.bronze.people_v1",
            ] {
                let text = rows(&engine, &mesh, &format!("{explain} {query}")).await.unwrap().join("\n");
                assert!(text.contains("GovernedScan: table=finance."), "{explain} {query}\n{text}");
                for secret in
                    ["zuid", "noord", "dept =", "example.nl", "pruned", "parquet", "Rows=", "statistics", "row_groups", "MaskKey"]
                {
                    assert!(!text.contains(secret), "{explain} {query}\ntells {secret:?}:\n{text}");
                }
            }
        }
    }
}

#[tokio::test]
async fn an_analyzed_plan_counts_what_came_out() {
    let mesh = analysts_mesh(&in_memory(&people_batch(&PEOPLE)));
    let text =
        rows(&engine(), &mesh, "explain analyze select upper(dept) from finance.bronze.people_v1").await.unwrap().join("\n");
    assert!(text.contains("output_rows=4"), "{text}");
}
