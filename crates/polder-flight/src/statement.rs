//! A statement as its own handle: the SQL and the values that are bound to it. Whoever sends it back is asked anew what they may do.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use polder_engine::{QueryError, QueryResult, ScalarValue};
use polder_platform::{Answer, Done, Platform, Preparation};
use prost::Message as _;
use std::sync::Arc;
use tonic::Status;
use uuid::Uuid;

use crate::parameters::Parameters;
use crate::status::{failed, internal, refused, unreadable};
use crate::{ipc, plain};

/// A statement as it goes back and forth. The caller's own words, so that it needs no seal: it opens nothing.
#[derive(Clone, PartialEq, prost::Message)]
struct Handle {
    #[prost(string, tag = "1")]
    sql: String,
    /// The values that are bound, as an Arrow stream; none when empty.
    #[prost(bytes = "bytes", tag = "2")]
    parameters: Bytes,
    /// What tells this ticket from another of the same statement; empty in what is no ticket.
    #[prost(bytes = "bytes", tag = "3")]
    id: Bytes,
    /// What it came to, as an Arrow stream, where it was carried out before its rows are asked for.
    #[prost(bytes = "bytes", tag = "4")]
    answer: Bytes,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    sql: String,
    parameters: Option<Parameters>,
    /// The id of the ticket that it came in.
    pub(crate) id: Bytes,
    /// What it came to, once it was carried out.
    answer: Option<Told>,
}

impl Statement {
    /// A statement without values.
    pub(crate) const fn new(sql: String) -> Self {
        Self { sql, parameters: None, id: Bytes::new(), answer: None }
    }

    /// Reads a handle or a ticket.
    pub(crate) fn read(handle: &[u8]) -> Result<Self, Status> {
        let Handle { sql, parameters, id, answer } =
            Handle::decode(handle).map_err(|error| unreadable("the statement's handle", error))?;
        let parameters = if parameters.is_empty() { None } else { Some(Parameters::read(&parameters)?) };
        let answer = if answer.is_empty() { None } else { Some(Told::read(&answer)?) };
        Ok(Self { sql, parameters, id, answer })
    }

    /// The same with values.
    pub(crate) fn bound(self, parameters: Option<Parameters>) -> Self {
        Self { parameters, ..self }
    }

    /// The statement as a handle.
    pub(crate) fn handle(&self) -> Result<Bytes, Status> {
        self.written(Bytes::new())
    }

    /// The statement as a ticket, unlike any other.
    pub(crate) fn ticket(&self) -> Result<Bytes, Status> {
        self.written(Bytes::copy_from_slice(Uuid::new_v4().as_bytes()))
    }

    fn written(&self, id: Bytes) -> Result<Bytes, Status> {
        let parameters = self.parameters.as_ref().map(Parameters::write).transpose()?.unwrap_or_default();
        let answer = self.answer.as_ref().map(Told::write).transpose()?.unwrap_or_default();
        Ok(Handle { sql: self.sql.clone(), parameters, id, answer }.encode_to_vec().into())
    }

    /// What it gives and takes: the schemas of its rows and of its values.
    pub(crate) async fn described(&self, platform: &Platform) -> Result<(SchemaRef, Schema), Status> {
        let prepared = self.prepared(platform).await?.prepared;
        let parameter = |(place, data_type): (usize, Option<DataType>)| {
            Field::new(format!("${}", place + 1), data_type.unwrap_or(DataType::Null), true)
        };
        let parameters: Vec<Field> = prepared.parameters.into_iter().enumerate().map(parameter).collect();
        Ok((plain::schema(&prepared.schema), Schema::new(parameters)))
    }

    async fn prepared(&self, platform: &Platform) -> Result<Preparation, Status> {
        platform.prepare_statement(&self.sql).await.map_err(refused)
    }

    /// The schema of its rows as they will be. Values may change what it gives, so that with them it is planned and not run.
    pub(crate) async fn schema(&self, platform: &Platform) -> Result<SchemaRef, Status> {
        self.schema_of(platform, self.prepared(platform).await?).await
    }

    async fn schema_of(&self, platform: &Platform, Preparation { prepared, reads }: Preparation) -> Result<SchemaRef, Status> {
        let parameters = match &self.parameters {
            Some(parameters) if reads => parameters,
            _ => return Ok(plain::schema(&prepared.schema)),
        };
        let rows = parameters.rows()?;
        let alone = rows.len() == 1;
        let first = rows.into_iter().next().map_or_else(|| parameters.nothing(), Ok)?;
        Ok(common(&self.asked(platform, first).await?.schema, alone))
    }

    /// Carries it out if it does more than read, and returns the schema of its rows: whoever changes something does not always fetch
    /// what is told of it. What reads is left for when its rows are asked for.
    pub(crate) async fn begun(mut self, platform: &Platform) -> Result<(SchemaRef, Self), Status> {
        let preparation = self.prepared(platform).await?;
        if preparation.reads {
            return Ok((self.schema_of(platform, preparation).await?, self));
        }
        let (mut schema, mut told) = (plain::schema(&preparation.prepared.schema), Vec::new());
        for values in self.values()? {
            let result = self.asked(platform, values).await?;
            schema = plain::schema(&result.schema);
            let batches: Vec<RecordBatch> = batches(result).try_collect().await?;
            let plain = batches.iter().map(|batch| plain::batch(batch, &schema)).collect::<Result<Vec<_>, _>>();
            told.extend(plain.map_err(internal)?);
        }
        self.answer = Some(Told(concat_batches(&schema, &told).map_err(internal)?));
        Ok((schema, self))
    }

    /// The values that are bound, a row for each time that it is asked.
    fn values(&self) -> Result<Vec<Vec<ScalarValue>>, Status> {
        self.parameters.as_ref().map_or_else(|| Ok(vec![Vec::new()]), Parameters::rows)
    }

    /// Its rows, encoded as they are found. What is bound to it is answered row by row.
    pub(crate) async fn rows(self, platform: Platform) -> Result<BoxStream<'static, Result<FlightData, Status>>, Status> {
        if let Some(Told(rows)) = self.answer {
            let encoder = FlightDataEncoderBuilder::new().with_schema(rows.schema());
            return Ok(encoder.build(stream::iter([Ok(rows)])).map_err(Status::from).boxed());
        }
        let mut values = self.values()?.into_iter();
        let (schema, batches) = match values.next() {
            None => (self.schema(&platform).await?, stream::empty().boxed()),
            Some(first) => {
                let result = self.asked(&platform, first).await?;
                let schema = common(&result.schema, values.len() == 0);
                let rest = stream::iter(values).then(move |values| {
                    let (statement, platform) = (self.clone(), platform.clone());
                    async move { statement.asked(&platform, values).await.map(batches) }
                });
                (schema, batches(result).chain(rest.try_flatten()).boxed())
            }
        };
        let plain_schema = schema.clone();
        let plain = batches.map(move |batch| {
            let batch = batch.map_err(|status| FlightError::Tonic(Box::new(status)))?;
            plain::batch(&batch, &plain_schema).map_err(FlightError::Arrow)
        });
        let encoded = FlightDataEncoderBuilder::new().with_schema(schema).build(plain);
        Ok(encoded.map_err(Status::from).boxed())
    }

    async fn asked(&self, platform: &Platform, values: Vec<ScalarValue>) -> Result<QueryResult, Status> {
        platform.statement(&self.sql, values).await.map(Answer::into_rows).map_err(refused)
    }

    /// Does what it says, once for each row of values that is bound to it: how many rows changed, where that is counted.
    pub(crate) async fn update(&self, platform: &Platform) -> Result<Option<u64>, Status> {
        let mut changed = None;
        for values in self.values()? {
            match platform.statement(&self.sql, values).await.map_err(refused)? {
                Answer::Done(Done { rows: Some(rows), .. }) => changed = Some(changed.unwrap_or(0) + rows),
                Answer::Done(_) => {}
                Answer::Rows(_) => {
                    return Err(Status::invalid_argument("the statement gives rows: ask for them by GetFlightInfo"));
                }
            }
        }
        Ok(changed)
    }
}

/// What a statement that was carried out tells: few rows.
#[derive(Debug, Clone, PartialEq)]
struct Told(RecordBatch);

impl Told {
    fn read(bytes: &[u8]) -> Result<Self, Status> {
        ipc::read(bytes).map(Self).map_err(|error| unreadable("the statement's answer", error))
    }

    fn write(&self) -> Result<Bytes, Status> {
        ipc::write(&self.0).map_err(internal)
    }
}

fn batches(result: QueryResult) -> BoxStream<'static, Result<RecordBatch, Status>> {
    result.stream.map_err(|error| failed(QueryError::from(error))).boxed()
}

/// The schema of all answers: with several rows of values, one of them may be missing where the first is not.
fn common(schema: &Schema, alone: bool) -> SchemaRef {
    let plain = plain::schema(schema);
    if alone {
        return plain;
    }
    Arc::new(Schema::new(plain.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>()))
}

/// A schema as messages of Flight SQL hold it.
pub(crate) fn encapsulated(schema: &Schema) -> Result<Bytes, Status> {
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into().map_err(internal)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_says_the_statement_and_a_ticket_is_unlike_any_other() {
        let statement = Statement::new("select 1".to_owned());
        assert_eq!(Statement::read(&statement.handle().unwrap()).unwrap(), statement);
        let (one, other) = (statement.ticket().unwrap(), statement.ticket().unwrap());
        assert_ne!(one, other);
        assert_eq!(Statement::read(&one).unwrap().sql, "select 1");
    }

    #[test]
    fn what_is_no_handle_is_refused() {
        for wrong in [&b"\xff\xff\xff"[..], b"select 1", &[0x0a, 0x7f, 0x00]] {
            assert_eq!(Statement::read(wrong).unwrap_err().code(), tonic::Code::InvalidArgument);
        }
    }
}
