//! The service: each call of Flight, and which command of Flight SQL it bears.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, Command, DoPutPreparedStatementResult, DoPutUpdateResult, ProstMessageExt,
    TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, Criteria, Empty, FlightData,
    FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use prost::Message as _;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::cancel::UnderWay;
use crate::door::{Asking, Door, enter};
use crate::parameters::Parameters;
use crate::statement::{Statement, encapsulated};
use crate::status::{internal, refused, unreadable};
use crate::{keys, listing, session, sql_info, types};

/// Where the service is.
pub const PREFIX: &str = "/arrow.flight.protocol.FlightService";

const CREATE_PREPARED_STATEMENT: &str = "CreatePreparedStatement";
const CLOSE_PREPARED_STATEMENT: &str = "ClosePreparedStatement";
const CANCEL_QUERY: &str = "CancelQuery";
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
const SET_SESSION_OPTIONS: &str = "SetSessionOptions";
const GET_SESSION_OPTIONS: &str = "GetSessionOptions";
const CLOSE_SESSION: &str = "CloseSession";

/// How Basic credentials are encoded: some clients leave out what fills up the end.
const BASIC: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The actions there are, and what each does.
const ACTIONS: [(&str, &str); 7] = [
    (CREATE_PREPARED_STATEMENT, "prepares a statement"),
    (CLOSE_PREPARED_STATEMENT, "forgets a prepared statement"),
    (CANCEL_QUERY, "ends a query"),
    (CANCEL_FLIGHT_INFO, "ends a query"),
    (SET_SESSION_OPTIONS, "chooses the environment"),
    (GET_SESSION_OPTIONS, "tells the environment"),
    (CLOSE_SESSION, "ends the session"),
];

/// The routes of the service. A message that is sent here may have `most_bytes`.
pub fn routes(door: impl Door, most_bytes: usize) -> Routes {
    let service = FlightServiceServer::new(Flight { door: Box::new(door), under_way: UnderWay::default() });
    Routes::default().add_service(service.max_decoding_message_size(most_bytes))
}

struct Flight {
    door: Box<dyn Door>,
    under_way: UnderWay,
}

/// What an action came to.
struct Done {
    /// What is answered; `None` where there is nothing to say.
    body: Option<Bytes>,
    cookie: Option<AsciiMetadataValue>,
}

impl Done {
    fn with(body: Vec<u8>) -> Self {
        Self { body: Some(body.into()), cookie: None }
    }
}

impl From<session::Answer> for Done {
    fn from(answer: session::Answer) -> Self {
        Self { cookie: answer.cookie, ..Self::with(answer.body) }
    }
}

type Answers<T> = BoxStream<'static, Result<T, Status>>;

impl Flight {
    fn enter<T>(&self, request: &Request<T>) -> Result<Asking, Status> {
        enter(&*self.door, request.extensions(), request.metadata())
    }

    /// What a listing of a command gives; `None` for a command that is none.
    async fn listed(&self, asking: &Asking, command: &Command) -> Result<Option<RecordBatch>, Status> {
        let tables = match command {
            Command::CommandGetCatalogs(_) | Command::CommandGetDbSchemas(_) | Command::CommandGetTables(_) => {
                asking.platform.tables().await.map_err(refused)?
            }
            _ => Vec::new(),
        };
        let batch = match command.clone() {
            Command::CommandGetCatalogs(command) => listing::catalogs(&tables, command),
            Command::CommandGetDbSchemas(command) => listing::schemas(&tables, command),
            Command::CommandGetTables(command) => listing::tables(&tables, command),
            Command::CommandGetTableTypes(command) => listing::table_types(command),
            Command::CommandGetSqlInfo(command) => sql_info::facts().and_then(|facts| facts.record_batch(command.info)),
            Command::CommandGetXdbcTypeInfo(command) => types::facts().and_then(|facts| facts.record_batch(command.data_type)),
            Command::CommandGetPrimaryKeys(_) => Ok(keys::primary()),
            Command::CommandGetExportedKeys(_) | Command::CommandGetImportedKeys(_) | Command::CommandGetCrossReference(_) => {
                Ok(keys::foreign())
            }
            _ => return Ok(None),
        };
        batch.map(Some).map_err(internal)
    }

    /// The schema of what a command gives, and the ticket for it. What `begins` is carried out if it changes something.
    async fn planned(&self, asking: &Asking, command: Command, begins: bool) -> Result<(SchemaRef, Any), Status> {
        let statement = match command {
            Command::CommandStatementQuery(query) => {
                no_transaction(query.transaction_id.as_ref())?;
                Statement::new(query.query)
            }
            Command::CommandPreparedStatementQuery(query) => Statement::read(&query.prepared_statement_handle)?,
            command => {
                // What is listed may be much, and is listed again for whoever comes for it: only its shape is asked for now.
                let shape = self.listed(asking, &command).await?.ok_or_else(|| not_here(&command))?;
                return Ok((shape.schema(), command.into_any()));
            }
        };
        let (schema, statement) = match begins {
            true => statement.begun(&asking.platform).await?,
            false => (statement.schema(&asking.platform).await?, statement),
        };
        Ok((schema, TicketStatementQuery { statement_handle: statement.ticket()? }.as_any()))
    }

    async fn act(&self, request: Request<Action>) -> Result<Done, Status> {
        let asking = self.enter(&request)?;
        let (_, extensions, action) = request.into_parts();
        let body = &action.body;
        match action.r#type.as_str() {
            CREATE_PREPARED_STATEMENT => {
                let asked: ActionCreatePreparedStatementRequest = unpacked(body)?;
                no_transaction(asked.transaction_id.as_ref())?;
                let statement = Statement::new(asked.query);
                let (rows, parameters) = statement.described(&asking.platform).await?;
                let result = ActionCreatePreparedStatementResult {
                    prepared_statement_handle: statement.handle()?,
                    dataset_schema: encapsulated(&rows)?,
                    parameter_schema: encapsulated(&parameters)?,
                };
                Ok(Done::with(result.as_any().encode_to_vec()))
            }
            CLOSE_PREPARED_STATEMENT => {
                unpacked::<ActionClosePreparedStatementRequest>(body)?;
                Ok(Done { body: None, cookie: None })
            }
            CANCEL_QUERY => {
                let asked: ActionCancelQueryRequest = unpacked(body)?;
                let info = FlightInfo::decode(asked.info).map_err(|error| unreadable("the query's description", error))?;
                let result = self.cancel(&asking, Some(info))? as i32;
                Ok(Done::with(ActionCancelQueryResult { result }.as_any().encode_to_vec()))
            }
            CANCEL_FLIGHT_INFO => {
                let asked = CancelFlightInfoRequest::decode(body.clone());
                let info = asked.map_err(|error| unreadable("the query's description", error))?.info;
                Ok(Done::with(CancelFlightInfoResult::new(self.cancel(&asking, info)?).encode_to_vec()))
            }
            SET_SESSION_OPTIONS => Ok(session::set(&*self.door, &extensions, body)?.into()),
            GET_SESSION_OPTIONS => Ok(session::get(asking.platform.environment().as_str()).into()),
            CLOSE_SESSION => Ok(session::close().into()),
            "BeginTransaction" | "EndTransaction" | "BeginSavepoint" | "EndSavepoint" => {
                Err(Status::unimplemented("there are no transactions here: each statement reads one state of each table"))
            }
            "CreatePreparedSubstraitPlan" => Err(Status::unimplemented("plans of Substrait are not taken: send SQL")),
            _ => Err(Status::unimplemented("there is no such action: ListActions tells which there are")),
        }
    }

    /// Ends the query whose rows are being sent by the ticket of a description.
    fn cancel(&self, asking: &Asking, info: Option<FlightInfo>) -> Result<CancelStatus, Status> {
        let tickets = info.into_iter().flat_map(|info| info.endpoint).filter_map(|endpoint| endpoint.ticket);
        let mut ended = false;
        for ticket in tickets {
            if let Command::TicketStatementQuery(ticket) = command(&ticket.ticket)? {
                let id = Statement::read(&ticket.statement_handle)?.id;
                ended |= !id.is_empty() && self.under_way.cancel(&asking.name, &id);
            }
        }
        Ok(if ended { CancelStatus::Cancelled } else { CancelStatus::NotCancellable })
    }
}

#[tonic::async_trait]
impl FlightService for Flight {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Answers<FlightData>;
    type DoPutStream = Answers<PutResult>;
    type DoExchangeStream = Answers<FlightData>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;

    /// Basic credentials become a Bearer token, which is the password: every request is looked at anew by the layers before us.
    async fn handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Result<Response<Self::HandshakeStream>, Status> {
        self.enter(&request)?;
        let token = bearer(&request)?;
        let greeting = HandshakeResponse { protocol_version: 0, payload: Bytes::new() };
        let mut response = Response::new(stream::iter([Ok(greeting)]).boxed());
        let mut value: AsciiMetadataValue = format!("Bearer {token}").parse().map_err(internal)?;
        value.set_sensitive(true);
        response.metadata_mut().insert("authorization", value);
        Ok(response)
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.enter(&request)?;
        Err(Status::unimplemented("flights are not listed: ask for tables by GetTables, and for rows by SQL"))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let asking = self.enter(&request)?;
        let descriptor = request.into_inner();
        let (schema, ticket) = self.planned(&asking, command(&descriptor.cmd)?, true).await?;
        let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket.encode_to_vec()));
        let info = FlightInfo::new().try_with_schema(&schema).map_err(internal)?;
        Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor)))
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        self.enter(&request)?;
        Err(Status::unimplemented(
            "queries are not polled: GetFlightInfo answers at once, and DoGet sends rows as they are found",
        ))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let asking = self.enter(&request)?;
        let (schema, _) = self.planned(&asking, command(&request.into_inner().cmd)?, false).await?;
        Ok(Response::new(SchemaResult { schema: encapsulated(&schema)? }))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let asking = self.enter(&request)?;
        let statement = match command(&request.into_inner().ticket)? {
            Command::TicketStatementQuery(ticket) => Statement::read(&ticket.statement_handle)?,
            Command::CommandPreparedStatementQuery(query) => Statement::read(&query.prepared_statement_handle)?,
            command => {
                let batch = self.listed(&asking, &command).await?.ok_or_else(|| not_here(&command))?;
                let encoder = FlightDataEncoderBuilder::new().with_schema(batch.schema());
                let sent = encoder.build(stream::iter([Ok(batch)])).map_err(Status::from);
                return Ok(Response::new(sent.boxed()));
            }
        };
        let id = statement.id.clone();
        let rows = statement.rows(asking.platform).await?;
        Ok(Response::new(self.under_way.send(asking.name, id, rows)))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        let asking = self.enter(&request)?;
        let mut sent = request.into_inner();
        let first = sent.message().await?.ok_or_else(|| Status::invalid_argument("nothing was put: send a command first"))?;
        let descriptor = first.flight_descriptor.clone();
        let descriptor = descriptor.ok_or_else(|| Status::invalid_argument("what is put bears no command"))?;
        match command(&descriptor.cmd)? {
            Command::CommandPreparedStatementQuery(query) => {
                let statement = Statement::read(&query.prepared_statement_handle)?;
                let parameters = Parameters::sent(stream::iter([Ok(first)]).chain(sent)).await?;
                let handle = statement.bound(parameters).handle()?;
                let result = DoPutPreparedStatementResult { prepared_statement_handle: Some(handle) };
                let result = PutResult { app_metadata: result.encode_to_vec().into() };
                Ok(Response::new(stream::iter([Ok(result)]).boxed()))
            }
            Command::CommandStatementUpdate(update) => {
                no_transaction(update.transaction_id.as_ref())?;
                updated(Statement::new(update.query).update(&asking.platform).await?)
            }
            Command::CommandPreparedStatementUpdate(update) => {
                let statement = Statement::read(&update.prepared_statement_handle)?;
                let parameters = Parameters::sent(stream::iter([Ok(first)]).chain(sent)).await?;
                let statement = if parameters.is_some() { statement.bound(parameters) } else { statement };
                updated(statement.update(&asking.platform).await?)
            }
            command => Err(not_here(&command)),
        }
    }

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.enter(&request)?;
        Err(Status::unimplemented("nothing is exchanged here: ask by GetFlightInfo and DoGet"))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let done = self.act(request).await?;
        let result = done.body.map(|body| Ok(arrow_flight::Result { body }));
        let mut response = Response::new(stream::iter(result).boxed());
        if let Some(cookie) = done.cookie {
            response.metadata_mut().insert("set-cookie", cookie);
        }
        Ok(response)
    }

    async fn list_actions(&self, request: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        self.enter(&request)?;
        let action = |(name, does): (&str, &str)| Ok(ActionType { r#type: name.to_owned(), description: does.to_owned() });
        Ok(Response::new(stream::iter(ACTIONS.map(action)).boxed()))
    }
}

/// Reads a command.
fn command(bytes: &[u8]) -> Result<Command, Status> {
    let any = Any::decode(bytes).map_err(|error| unreadable("the command", error))?;
    Command::try_from(any).map_err(|error| unreadable("the command", error))
}

/// Reads what an action is about.
fn unpacked<T: ProstMessageExt>(body: &Bytes) -> Result<T, Status> {
    let any = Any::decode(body.clone()).map_err(|error| unreadable("the action", error))?;
    let found = any.unpack().map_err(|error| unreadable("the action", error))?;
    found.ok_or_else(|| Status::invalid_argument("the action is about something else than its name says"))
}

/// The refusal of a command that is not taken here.
fn not_here(command: &Command) -> Status {
    match command {
        Command::CommandStatementIngest(_) => {
            Status::unimplemented("rows are not taken in bulk here: INSERT them, or have a job load them (`polder run`)")
        }
        Command::CommandStatementSubstraitPlan(_) => Status::unimplemented("plans of Substrait are not taken: send SQL"),
        _ => Status::unimplemented("there is no such command here: send a command of Flight SQL that reads"),
    }
}

/// The answer to a statement that changes something. What counts no rows says so by a count of -1.
fn updated(changed: Option<u64>) -> Result<Response<Answers<PutResult>>, Status> {
    let record_count = changed.map_or(-1, |rows| i64::try_from(rows).unwrap_or(i64::MAX));
    let result = PutResult { app_metadata: DoPutUpdateResult { record_count }.encode_to_vec().into() };
    Ok(Response::new(stream::iter([Ok(result)]).boxed()))
}

fn no_transaction(transaction: Option<&Bytes>) -> Result<(), Status> {
    match transaction {
        Some(id) if !id.is_empty() => {
            Err(Status::unimplemented("there are no transactions here: send the statement without one"))
        }
        _ => Ok(()),
    }
}

/// The token that a request bears, by itself or as a password.
fn bearer<T>(request: &Request<T>) -> Result<String, Status> {
    let unreadable = || Status::unauthenticated("send a token as `Bearer`, or as the password of `Basic`");
    let value = request.metadata().get("authorization").and_then(|value| value.to_str().ok()).ok_or_else(unreadable)?;
    let (scheme, rest) = value.split_once(' ').ok_or_else(unreadable)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(rest.trim().to_owned());
    }
    let decoded = BASIC.decode(rest.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (_, password) = decoded.as_deref().and_then(|text| text.split_once(':')).ok_or_else(unreadable)?;
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(schema: &SchemaRef) -> Vec<(String, bool)> {
        schema.fields().iter().map(|field| (field.name().clone(), field.is_nullable())).collect()
    }

    /// The ADBC driver compares each of these.
    #[test]
    fn listings_have_the_nullability_of_the_specification() {
        let asked = arrow_flight::sql::CommandGetTables { include_schema: true, ..Default::default() };
        let tables = listing::tables(&[], asked).unwrap();
        let named = |name: &str, nullable| (name.to_owned(), nullable);
        assert_eq!(
            fields(&tables.schema()),
            [
                named("catalog_name", true),
                named("db_schema_name", true),
                named("table_name", false),
                named("table_type", false),
                named("table_schema", false),
            ]
        );
        let schemas = listing::schemas(&[], Default::default()).unwrap();
        assert_eq!(fields(&schemas.schema()), [named("catalog_name", true), named("db_schema_name", false)]);
    }

    #[test]
    fn what_cannot_be_read_is_refused_as_that() {
        assert_eq!(command(b"\xff").unwrap_err().code(), tonic::Code::InvalidArgument);
        assert!(matches!(command(b"").unwrap(), Command::Unknown(_)));
    }

    #[test]
    fn a_handshake_hands_the_token_back_whichever_way_it_came() {
        for value in ["Bearer secret", "basic OnNlY3JldA==", "Basic OnNlY3JldA"] {
            let mut request = Request::new(());
            request.metadata_mut().insert("authorization", value.parse().unwrap());
            assert_eq!(bearer(&request).unwrap(), "secret");
        }
        assert!(bearer(&Request::new(())).is_err());
    }
}
