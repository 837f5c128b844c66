//! Arrow Flight SQL over real sockets, with the client of Arrow's own: as every kind of principal, and with what no client sends.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, Schema};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{Any, CommandGetDbSchemas, CommandGetTables, ProstMessageExt as _, SqlInfo, TicketStatementQuery};
use arrow_flight::{Action, FlightDescriptor, FlightInfo, Ticket};
use futures::{StreamExt as _, TryStreamExt as _};
use polder_platform::{Identity, RunOptions, Selection};
use prost::Message as _;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::bed::{Bed, NONE};

const NAMES: &str = "select id, name from finance.bronze.customer_v1 order by id";
/// More rows than anyone reads.
const ENDLESS: &str = "select a.value, b.value from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b";

type Client = FlightSqlServiceClient<Channel>;

impl Bed {
    /// A bed whose table has rows.
    pub(super) async fn loaded() -> Self {
        Self::loaded_with(polder_server::Limits::default()).await
    }

    async fn loaded_with(limits: polder_server::Limits) -> Self {
        let bed = Self::with(limits).await;
        let loader = Identity::local(Some("loader".parse().unwrap()));
        let platform = bed.server.app.platform("dev", &loader).unwrap();
        let options = RunOptions { force: false, adopt: false, personal: false, parallel: 1 };
        platform.run(Selection::All, options, &|_| {}).await.unwrap();
        bed
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.url("")).unwrap().connect().await.unwrap()
    }

    /// A client of a kind of principal.
    async fn flight(&self, kind: &str) -> Client {
        let mut client = Client::new(self.channel().await);
        if !self.tokens[kind].is_empty() {
            client.set_token(self.tokens[kind].clone());
        }
        client
    }
}

/// A call that bears a token.
fn bearing<T>(token: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

fn status(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        error => Status::internal(error.to_string()),
    }
}

/// The rows that a description leads to.
async fn rows_of(client: &mut Client, info: FlightInfo) -> Result<RecordBatch, Status> {
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let told = info.try_decode_schema().unwrap();
    let stream = client.do_get(ticket).await.map_err(status)?;
    let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(status)?;
    let all = concat_batches(&Arc::new(told), &batches);
    all.map_err(|error| Status::internal(error.to_string()))
}

async fn asked(client: &mut Client, sql: &str) -> Result<RecordBatch, Status> {
    let info = client.execute(sql.to_owned(), None).await.map_err(status)?;
    rows_of(client, info).await
}

/// What the rows end with, which is soon and before their end.
async fn fault_of(rows: &mut FlightRecordBatchStream) -> Status {
    let ended = async {
        loop {
            match rows.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return status(error),
                None => panic!("the rows ended as if they were all"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the rows stop")
}

fn texts(batch: &RecordBatch, column: usize) -> Vec<Option<&str>> {
    batch.column(column).as_string::<i32>().iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_principal_gets_the_rows_that_it_gets_everywhere() {
    let bed = Bed::loaded().await;
    for (kind, in_clear) in [("owner", true), ("pii", true), ("member", false)] {
        let rows = asked(&mut bed.flight(kind).await, NAMES).await.unwrap();
        assert_eq!(rows.column(0).as_primitive::<Int64Type>().value(0), 1, "{kind}");
        assert_eq!(texts(&rows, 1) == [Some("Ana")], in_clear, "{kind}: {rows:?}");
    }
    assert_eq!(asked(&mut bed.flight("service").await, NAMES).await.unwrap().num_rows(), 1);
    let outsider = asked(&mut bed.flight("outsider").await, NAMES).await.unwrap_err();
    let absent = asked(&mut bed.flight("outsider").await, &NAMES.replace("customer", "absent")).await.unwrap_err();
    assert_eq!((outsider.code(), absent.code()), (Code::NotFound, Code::NotFound));
    assert_eq!(outsider.message().replace("customer", "absent"), absent.message());
    for kind in NONE.into_iter().chain(["nobody"]) {
        let refused = asked(&mut bed.flight(kind).await, "select 1").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{kind}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_and_a_handle_give_whoever_brings_them_what_they_may_see() {
    let bed = Bed::loaded().await;
    let ticket = |info: FlightInfo| info.endpoint[0].ticket.clone().unwrap();
    let owners = ticket(bed.flight("owner").await.execute(NAMES.to_owned(), None).await.unwrap());
    let as_kind = async |kind: &str, ticket: Ticket| {
        let stream = bed.flight(kind).await.do_get(ticket).await.map_err(status)?;
        stream.try_collect::<Vec<RecordBatch>>().await.map_err(status)
    };
    assert_eq!(texts(&as_kind("owner", owners.clone()).await.unwrap()[0], 1), [Some("Ana")]);
    assert_ne!(texts(&as_kind("member", owners.clone()).await.unwrap()[0], 1), [Some("Ana")]);
    assert_eq!(as_kind("outsider", owners.clone()).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(as_kind("nobody", owners).await.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_chosen_by_a_header_or_a_session() {
    let bed = Bed::loaded().await;
    let mut client = bed.flight("owner").await;
    client.set_header("environment", "dev");
    assert_eq!(asked(&mut client, NAMES).await.unwrap().num_rows(), 1);
    for wrong in ["nowhere", "../dev", ""] {
        client.set_header("environment", wrong);
        assert_eq!(asked(&mut client, NAMES).await.unwrap_err().code(), Code::NotFound, "{wrong:?}");
    }
    let mut client = bed.flight("owner").await;
    client.set_header("cookie", "polder-flight-environment=nowhere");
    assert_eq!(asked(&mut client, NAMES).await.unwrap_err().code(), Code::NotFound);
    client.set_header("environment", "dev");
    assert_eq!(asked(&mut client, NAMES).await.unwrap().num_rows(), 1, "a header counts before a session");
}

/// `SetSessionOptionsRequest` of one option that is text.
fn option(name: &str, value: &str) -> Vec<u8> {
    let part = |tag: u8, bytes: &[u8]| [&[tag, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    part(0x0a, &[part(0x0a, name.as_bytes()), part(0x12, &part(0x0a, value.as_bytes()))].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sessions_options_are_set_told_and_given_up() {
    let bed = Bed::new().await;
    let mut client = bed.flight("member").await;
    let act = async |client: &mut Client, kind: &str, body: Vec<u8>| {
        let request = bearing(&client.token().unwrap().clone(), Action::new(kind, body));
        let response = client.inner_mut().do_action(request).await?;
        let cookie = response.metadata().get("set-cookie").map(|value| value.to_str().unwrap().to_owned());
        let body = response.into_inner().message().await?.map(|result| result.body.to_vec());
        Ok::<_, Status>((cookie, body))
    };
    let (cookie, body) = act(&mut client, "SetSessionOptions", option("environment", "dev")).await.unwrap();
    assert!(cookie.unwrap().starts_with("polder-flight-environment=dev;"));
    assert_eq!(body.unwrap(), b"");
    for (name, value) in [("environment", "nowhere"), ("environment", "dev; Domain=x"), ("catalog", "finance")] {
        let (cookie, body) = act(&mut client, "SetSessionOptions", option(name, value)).await.unwrap();
        assert!(cookie.is_none() && !body.unwrap().is_empty(), "{name}={value}");
    }
    let (_, told) = act(&mut client, "GetSessionOptions", Vec::new()).await.unwrap();
    assert_eq!(told.unwrap(), option("environment", "dev"));
    let (cookie, closed) = act(&mut client, "CloseSession", Vec::new()).await.unwrap();
    assert!(cookie.unwrap().contains("Max-Age=0"));
    assert_eq!(closed.unwrap(), [0x08, 0x01]);
    let wrong = act(&mut client, "SetSessionOptions", vec![0xff; 40]).await.unwrap_err();
    assert_eq!(wrong.code(), Code::InvalidArgument);
}

#[tokio::test(flavor = "multi_thread")]
async fn basic_credentials_become_a_bearer_token() {
    let bed = Bed::loaded().await;
    let mut client = Client::new(bed.channel().await);
    client.handshake("ana", &bed.tokens["member"]).await.unwrap();
    assert_eq!(client.token(), Some(&bed.tokens["member"]));
    assert_eq!(asked(&mut client, NAMES).await.unwrap().num_rows(), 1);
    for (user, password) in [("olga", "member"), ("ana", "garbage"), ("ana", "revoked")] {
        let mut client = Client::new(bed.channel().await);
        assert!(client.handshake(user, &bed.tokens[password]).await.is_err(), "{user} {password}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_statement_takes_values_row_by_row() {
    let bed = Bed::loaded().await;
    let mut client = bed.flight("member").await;
    let sql = "select id, $2 as word from finance.bronze.customer_v1 where id = $1";
    let mut prepared = client.prepare(sql.to_owned(), None).await.unwrap();
    assert_eq!(prepared.parameter_schema().unwrap().fields().len(), 2);
    let values = |ids: Vec<i64>, words: Vec<Option<&str>>| {
        let columns: Vec<(&str, ArrayRef)> =
            vec![("0", Arc::new(Int64Array::from(ids))), ("1", Arc::new(StringArray::from(words)))];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    // A value that is SQL stays a value.
    let hostile = "'; drop table finance.bronze.customer_v1; --";
    for (ids, words, expected) in [
        (vec![1], vec![Some(hostile)], vec![Some(hostile)]),
        (vec![2], vec![Some("x")], vec![]),
        (vec![1, 7, 1], vec![Some("x"), Some("y"), None], vec![Some("x"), None]),
        (vec![], vec![], vec![]),
    ] {
        prepared.set_parameters(values(ids, words)).unwrap();
        let info = prepared.execute().await.unwrap();
        let rows = rows_of(&mut client, info).await.unwrap();
        assert_eq!(texts(&rows, 1), expected);
    }
    let few = RecordBatch::try_from_iter([("0", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap();
    prepared.set_parameters(few).unwrap();
    assert_eq!(status(prepared.execute().await.unwrap_err()).code(), Code::InvalidArgument);
    prepared.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_are_of_what_the_caller_may_know_of() {
    let bed = Bed::new().await;
    let asked =
        CommandGetTables { include_schema: true, table_name_filter_pattern: Some("customer%".into()), ..Default::default() };
    for (kind, seen) in [("owner", 1), ("member", 1), ("pii", 1), ("service", 1), ("outsider", 0)] {
        let mut client = bed.flight(kind).await;
        let info = client.get_tables(asked.clone()).await.unwrap();
        let tables = rows_of(&mut client, info).await.unwrap();
        assert_eq!(tables.num_rows(), seen, "{kind}");
        if seen == 1 {
            let columns = arrow_flight::IpcMessage(tables.column(4).as_binary::<i32>().value(0).to_vec().into());
            let columns = Schema::try_from(columns).unwrap();
            assert_eq!(columns.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>(), ["id", "name"]);
        }
        let info = client.get_catalogs().await.unwrap();
        let catalogs = rows_of(&mut client, info).await.unwrap();
        assert_eq!(texts(&catalogs, 0).contains(&Some("finance")), seen == 1, "{kind}");
    }
    let mut client = bed.flight("member").await;
    let schemas = CommandGetDbSchemas { catalog: Some("finance".into()), db_schema_filter_pattern: None };
    let info = client.get_db_schemas(schemas).await.unwrap();
    assert_eq!(texts(&rows_of(&mut client, info).await.unwrap(), 1), [Some("bronze")]);
    for (info, least) in [
        (client.get_table_types().await.unwrap(), 2),
        (client.get_sql_info(vec![SqlInfo::FlightSqlServerName, SqlInfo::FlightSqlServerTransaction]).await.unwrap(), 2),
        (client.get_sql_info(vec![]).await.unwrap(), 10),
        (client.get_xdbc_type_info(Default::default()).await.unwrap(), 10),
        (client.get_primary_keys(Default::default()).await.unwrap(), 0),
        (client.get_imported_keys(Default::default()).await.unwrap(), 0),
        (client.get_exported_keys(Default::default()).await.unwrap(), 0),
        (client.get_cross_reference(Default::default()).await.unwrap(), 0),
    ] {
        assert!(rows_of(&mut client, info).await.unwrap().num_rows() >= least);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_changed_by_whoever_may_and_what_is_not_done_is_refused_with_words() {
    let bed = Bed::loaded().await;
    let delete = "delete from finance.bronze.customer_v1 where id = 7".to_owned();
    for kind in ["member", "pii"] {
        let refused = status(bed.flight(kind).await.execute_update(delete.clone(), None).await.unwrap_err());
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    }
    let mut client = bed.flight("owner").await;
    let insert = "insert into finance.bronze.customer_v1 values (7, 'Gil'), (8, 'Hal')".to_owned();
    assert_eq!(client.execute_update(insert, None).await.unwrap(), 2);
    assert_eq!(client.execute_update(delete, None).await.unwrap(), 1);
    let told = asked(&mut client, "delete from finance.bronze.customer_v1 where id = 8").await.unwrap();
    assert_eq!((told.num_rows(), told.schema().field(0).name().as_str()), (1, "affected_rows"));
    // Many clients do not fetch what is told of a change, and end the statement at once: it is done by then, and once.
    let insert = "insert into finance.bronze.customer_v1 values (9, 'Ida')";
    let info = client.execute(insert.to_owned(), None).await.unwrap();
    assert_eq!(asked(&mut client, NAMES).await.unwrap().num_rows(), 2);
    for _ in 0..2 {
        assert_eq!(rows_of(&mut client, info.clone()).await.unwrap().num_rows(), 1);
    }
    assert_eq!(client.prepare(insert.to_owned(), None).await.unwrap().execute().await.unwrap().endpoint.len(), 1);
    assert_eq!(asked(&mut client, NAMES).await.unwrap().num_rows(), 3);
    assert_eq!(client.execute_update("delete from finance.bronze.customer_v1 where id = 9".to_owned(), None).await.unwrap(), 2);
    let refused = bed.flight("member").await.execute(insert.to_owned(), None).await.unwrap_err();
    assert_eq!(status(refused).code(), Code::PermissionDenied);
    assert_eq!(status(client.begin_transaction().await.unwrap_err()).code(), Code::Unimplemented);
    let mut prepared = client.prepare(NAMES.to_owned(), None).await.unwrap();
    assert_eq!(status(prepared.execute_update().await.unwrap_err()).code(), Code::InvalidArgument, "it gives rows");
    let in_one = client.execute("select 1".to_owned(), Some("t1".into())).await.unwrap_err();
    assert_eq!(status(in_one).code(), Code::Unimplemented);
    assert_eq!(asked(&mut client, NAMES).await.unwrap().num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_no_client_sends_are_refused_and_nobody_else_notices() {
    let bed = Bed::new().await;
    let mut client = FlightServiceClient::new(bed.channel().await);
    let token = &bed.tokens["member"];
    let handle = |bytes: &[u8]| TicketStatementQuery { statement_handle: bytes.to_vec().into() }.as_any().encode_to_vec();
    let unknown = Any { type_url: "type.googleapis.com/no.such.Command".into(), value: Default::default() }.encode_to_vec();
    let tickets = [
        (vec![], Code::Unimplemented),
        (vec![0xff; 30], Code::InvalidArgument),
        (unknown.clone(), Code::Unimplemented),
        (handle(b"\xff\xff"), Code::InvalidArgument),
        (handle(b""), Code::InvalidArgument),
        // Parameters that are no Arrow stream.
        (handle(b"\x0a\x08select 1\x12\x05wrong"), Code::InvalidArgument),
    ];
    for (ticket, code) in tickets {
        let refused = client.do_get(bearing(token, Ticket::new(ticket.clone()))).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.code(), code, "{ticket:?}: {refused}");
    }
    for command in [vec![], vec![0xff; 30], unknown] {
        let refused = client.get_flight_info(bearing(token, FlightDescriptor::new_cmd(command.clone()))).await.unwrap_err();
        assert!([Code::InvalidArgument, Code::Unimplemented].contains(&refused.code()), "{command:?}: {refused}");
        assert!(client.get_schema(bearing(token, FlightDescriptor::new_cmd(command))).await.is_err());
    }
    for (action, code) in [
        ("CreatePreparedStatement", Code::InvalidArgument),
        ("ClosePreparedStatement", Code::InvalidArgument),
        ("CancelQuery", Code::InvalidArgument),
        ("BeginTransaction", Code::Unimplemented),
        ("NoSuchAction", Code::Unimplemented),
    ] {
        let refused = client.do_action(bearing(token, Action::new(action, vec![0xff; 9]))).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.code(), code, "{action}: {refused}");
    }
    assert_eq!(
        client.do_put(bearing(token, futures::stream::empty())).await.map(|_| ()).unwrap_err().code(),
        Code::InvalidArgument
    );
    // A message that is longer than the server takes.
    let long = handle(&vec![b'x'; 40 << 20]);
    let refused = client.do_get(bearing(token, Ticket::new(long))).await.map(|_| ()).unwrap_err();
    assert!([Code::OutOfRange, Code::ResourceExhausted, Code::Unknown].contains(&refused.code()), "{refused}");
    // No call of gRPC at all.
    for (method, path) in
        [("GET", "/arrow.flight.protocol.FlightService/DoGet"), ("POST", "/arrow.flight.protocol.FlightService/Nothing")]
    {
        assert!(bed.ask("member", method, path, None).await.status().as_u16() < 500, "{method} {path}");
    }
    assert_eq!(asked(&mut bed.flight("member").await, "select 1").await.unwrap().num_rows(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_not_query_is_refused_as_grpc_has_it() {
    let bed = Bed::new().await;
    let body = serde_json::json!({"label": "to look", "scopes": ["read"]});
    let made: serde_json::Value = bed.ask("member", "POST", "/api/v1/tokens", Some(&body)).await.json().await.unwrap();
    let mut client = Client::new(bed.channel().await);
    client.set_token(made["token"].as_str().unwrap().to_owned());
    let refused = asked(&mut client, "select 1").await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(refused.message().contains("scope query"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_goes_away_or_cancels_ends_the_query() {
    let bed = Bed::loaded_with(polder_server::Limits { concurrent_per_principal: 2, ..Default::default() }).await;
    let mut client = bed.flight("member").await;
    let begun = async |client: &mut Client| {
        let info = client.execute(ENDLESS.to_owned(), None).await.unwrap();
        let mut rows = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
        assert!(rows.next().await.unwrap().unwrap().num_rows() > 0);
        (info, rows)
    };
    // One that is read on while it is cancelled by another request, for both of the member's places.
    let (info, mut rows) = begun(&mut client).await;
    let mut others = bed.flight("owner").await;
    let cancel = arrow_flight::CancelFlightInfoRequest::new(info).encode_to_vec();
    let cancelled = async |client: &mut Client| {
        let results = client.do_action(tonic::Request::new(Action::new("CancelFlightInfo", cancel.clone()))).await.unwrap();
        results.into_inner_body().await
    };
    assert_eq!(cancelled(&mut others).await, [0x08, 0x03], "another's query is not cancelled");
    assert!(rows.next().await.unwrap().is_ok());
    assert_eq!(cancelled(&mut client).await, [0x08, 0x01]);
    let ended = fault_of(&mut rows).await;
    assert_eq!(ended.code(), Code::Cancelled);
    // Ones whose reader goes away give their places back.
    for _ in 0..4 {
        drop(begun(&mut client).await);
        let served = async {
            while asked(&mut client, "select 1").await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), served).await.expect("the place is given back");
    }
    // One more than may be under way is refused as gRPC has it.
    let held = (begun(&mut client).await, begun(&mut client).await);
    assert_eq!(asked(&mut client, "select 1").await.unwrap_err().code(), Code::ResourceExhausted);
    drop(held);
}

/// The first result of an action.
trait Body {
    async fn into_inner_body(self) -> Vec<u8>;
}

impl Body for tonic::Streaming<arrow_flight::Result> {
    async fn into_inner_body(mut self) -> Vec<u8> {
        self.message().await.unwrap().unwrap().body.to_vec()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_stop_when_their_readers_token_is_revoked() {
    let bed = Bed::new().await;
    let body = serde_json::json!({"label": "soon gone", "scopes": ["query"]});
    let made: serde_json::Value = bed.ask("member", "POST", "/api/v1/tokens", Some(&body)).await.json().await.unwrap();
    let mut client = Client::new(bed.channel().await);
    client.set_token(made["token"].as_str().unwrap().to_owned());
    let info = client.execute(ENDLESS.to_owned(), None).await.unwrap();
    let mut rows = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert!(rows.next().await.unwrap().is_ok());
    let path = format!("/api/v1/tokens/{}", made["summary"]["id"].as_str().unwrap());
    assert!(bed.ask("member", "DELETE", &path, None).await.status().is_success());
    let ended = fault_of(&mut rows).await;
    assert_eq!(ended.code(), Code::Unauthenticated, "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_comes_whole_in_messages_that_clients_take() {
    let bed = Bed::new().await;
    let mut client = bed.flight("member").await;
    let rows = 300_000;
    let sql = format!("select value, repeat('x', 100) || value as word from generate_series(1, {rows})");
    let info = client.execute(sql, None).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    let (mut count, mut sum) = (0, 0);
    while let Some(batch) = stream.next().await {
        let batch = batch.unwrap();
        count += batch.num_rows();
        sum += batch.column(0).as_primitive::<Int64Type>().values().iter().sum::<i64>();
    }
    assert_eq!((count, sum), (rows, 300_000 * 300_001 / 2));
}
