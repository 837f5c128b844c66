//! An environment that reads production: through a declared share, and never by copy.

use serde_json::Value;

use crate::server::{Server, against};
use crate::support::{command, edit, polder, starter, write};

const JOB: &str = "domains/sales/jobs/daily_revenue.yaml";

#[test]
fn an_environment_reads_production_through_its_share_and_has_no_copy() {
    let mesh = starter();
    let folder = mesh.path();
    let share = "{name: for_staging, datasets: [{name: orders, version: v1}], recipients: [staging]}\n";
    write(folder, "domains/sales/shares/for_staging.yaml", share);
    polder(folder, &["apply", "-e", "prod", "--yes", "--as", "deployer"]).well();
    polder(folder, &["run", "-e", "prod", "sales/load_orders", "--as", "sales_jobs"]).well();
    let mut production = Server::start(folder, &["--tenant", "production"], &[]);
    let token = production.first_token();
    let profile = against(&production.url(), &token, &["share", "profile", "staging", "-e", "prod"]).well();
    let profile: Value = serde_json::from_str(&profile).unwrap();

    let connection = format!(
        "name: production\n\
         kind: delta-sharing\n\
         endpoint: {}\n\
         token: ${{secret:PRODUCTION}}\n\
         share: for_staging\n\
         tables:\n  \
           - name: orders_v1\n    \
             schema: sales\n    \
             columns: [{{name: order_id, type: bigint}}, {{name: ordered_on, type: date}}, {{name: amount, type: 'decimal(12,2)'}}]\n",
        profile["endpoint"].as_str().unwrap()
    );
    write(folder, "domains/sales/connections/production.yaml", &connection);
    let job = std::fs::read_to_string(folder.join(JOB)).unwrap();
    write(
        folder,
        JOB,
        &format!("{job}environments:\n  dev: {{sources: [{{name: orders, through: production.sales.orders_v1}}]}}\n"),
    );
    let secret = [("POLDER_SECRET_PRODUCTION", profile["bearerToken"].as_str().unwrap())];
    let dev = |args: &[&str]| command(folder, args, "", &secret);
    dev(&["apply", "--yes"]).well();
    dev(&["run", "sales/daily_revenue"]).well();
    let revenue = || dev(&["query", "select day, orders, revenue from sales.gold.revenue_v1 order by day", "-o", "csv"]).well();
    assert_eq!(revenue(), "day,orders,revenue\n2026-01-01,2,24.95\n2026-01-02,1,42.10\n");
    assert_eq!(dev(&["query", "select count(*) as n from sales.bronze.orders_v1", "-o", "csv"]).well(), "n\n0\n");

    // What is new in production is seen by the next run.
    write(
        folder,
        "landing/orders/2026-01-03.csv",
        "order_id,ordered_on,customer_email,amount,note\n4,2026-01-03,a@example.com,1.00,\n",
    );
    polder(folder, &["run", "-e", "prod", "sales/load_orders", "--as", "sales_jobs"]).well();
    dev(&["run", "sales/daily_revenue"]).well();
    assert!(revenue().ends_with("2026-01-03,1,1.00\n"), "{}", revenue());

    // Nothing is written there, and what production takes back is gone at once.
    let said = dev(&["query", "delete from production.sales.orders_v1"]);
    assert_ne!(said.code, 0, "{}", said.all());
    edit(folder, "domains/sales/shares/for_staging.yaml", "recipients: [staging]", "recipients: []");
    polder(folder, &["apply", "-e", "prod", "--yes", "--as", "deployer"]).well();
    let before = revenue();
    let said = dev(&["run", "sales/daily_revenue"]);
    assert_eq!(said.code, 1, "{}", said.all());
    assert_eq!(revenue(), before);
    assert_eq!(production.terminate(), 0, "{}", production.said());
}
