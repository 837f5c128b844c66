//! Doors that take SQL: the query API, PostgreSQL and Arrow Flight SQL.

use anyhow::Context as _;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection as _, PgConnection};
use tonic::transport::Endpoint;

use super::row::Row;
use super::visitor::Visitor;

const QUESTION: &str = "select customer_id, total_spent from marketing.gold.most_spending_customers_v1";
/// The same for a driver that knows no decimals.
const AS_TEXT: &str =
    "select customer_id, cast(total_spent as varchar) as total_spent from marketing.gold.most_spending_customers_v1";

pub(super) async fn query(visitor: &Visitor) -> anyhow::Result<Vec<Row>> {
    let mut answer = visitor.api.query(QUESTION).await?;
    let mut rows = Vec::new();
    while let Some(batch) = answer.next().await? {
        rows.extend(Row::of_batch(&batch)?);
    }
    Ok(rows)
}

pub(super) async fn postgres(visitor: &Visitor) -> anyhow::Result<Vec<Row>> {
    let options = PgConnectOptions::new_without_pgpass()
        .host(&visitor.postgres.ip().to_string())
        .port(visitor.postgres.port())
        .username(visitor.name)
        .password(visitor.token.expose())
        .database(visitor.api.environment().as_str())
        .ssl_mode(PgSslMode::Disable);
    let mut connection = PgConnection::connect_with(&options).await.context("cannot connect")?;
    let rows: Vec<(i64, String)> = sqlx::query_as(AS_TEXT).fetch_all(&mut connection).await?;
    connection.close().await?;
    rows.iter().map(|(id, total_spent)| Row::new(*id, total_spent)).collect()
}

pub(super) async fn flight(visitor: &Visitor) -> anyhow::Result<Vec<Row>> {
    let channel = Endpoint::from_shared(visitor.server.clone())?.connect().await.context("cannot connect")?;
    let mut client = FlightSqlServiceClient::new(channel);
    client.set_token(visitor.token.expose().to_owned());
    let mut rows = Vec::new();
    for endpoint in client.execute(QUESTION.to_owned(), None).await?.endpoint {
        let ticket = endpoint.ticket.context("the answer leads to no rows: it has no ticket")?;
        let mut batches = client.do_get(ticket).await?;
        while let Some(batch) = batches.try_next().await? {
            rows.extend(Row::of_batch(&batch)?);
        }
    }
    Ok(rows)
}
