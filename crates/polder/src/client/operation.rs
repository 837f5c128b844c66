//! Long operations, begun and followed to their end.

use anyhow::Context as _;
use eventsource_stream::{Event, Eventsource as _};
use futures::StreamExt as _;
use http::{Method, Request, header};
use polder_api::{Operation, OperationEvent, OperationStatus};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Client, Refused, Transport, refused};
use crate::context::say;
use crate::failure::{Exit, Failure, causes, exit_of};
use crate::interrupt::Elsewhere;

/// How often a watcher that was cut off comes again.
const ATTEMPTS: u32 = 10;

impl Client {
    /// Begins an operation, tells what happens in it, and returns what came of it.
    pub(super) async fn carry_out<E: DeserializeOwned, R: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
        mut told: impl FnMut(E),
    ) -> anyhow::Result<R> {
        let ended = match self.transport {
            // Given up with this process, which carries it out.
            Transport::InProcess(_) => self.follow(&self.post(path, request).await?, &mut told).await?,
            Transport::Remote(_) => {
                let elsewhere = Elsewhere::begin();
                let begun = self.post(path, request).await?;
                elsewhere.follow(self.follow(&begun, &mut told), self.cancel(&begun)).await?
            }
        };
        match (ended.status, ended.problem) {
            (OperationStatus::Succeeded, _) => {
                let result = ended.result.unwrap_or_default();
                serde_json::from_value(result).context("the result of the operation is not what this polder expects")
            }
            (_, Some(problem)) => Err(Refused::new(problem).into()),
            (OperationStatus::Cancelled, None) => {
                Err(Failure::new(Exit::Interrupted, "the operation was cancelled", "begin it again: it goes on where it was")
                    .into())
            }
            (_, None) => {
                let message = "the server that worked on the operation went away";
                Err(Failure::new(Exit::Unavailable, message, "begin it again: it goes on where it was").into())
            }
        }
    }

    /// Asks the server to give an operation up. What keeps it from that is told: the operation goes on, and so does whoever follows it.
    async fn cancel(&self, begun: &Operation) {
        say(format_args!("asking the server to give operation {} up; Ctrl-C again leaves it to the server", begun.id));
        let asked = self.post(&self.path(&["operations", &begun.id.to_string(), "cancel"]), &serde_json::json!({})).await;
        match asked.map(|Operation { .. }| ()) {
            Ok(()) => {}
            // It has ended meanwhile.
            Err(error) if exit_of(&error) == Exit::Conflict => {}
            Err(error) => say(format_args!("it is not given up: {}", causes(&error).join(": "))),
        }
    }

    async fn follow<E: DeserializeOwned>(&self, begun: &Operation, told: &mut impl FnMut(E)) -> anyhow::Result<Operation> {
        let path = self.path(&["operations", &begun.id.to_string(), "events"]);
        let mut last = 0;
        for _ in 0..ATTEMPTS {
            let request = Request::builder().method(Method::GET).uri(&path).header(header::ACCEPT, "text/event-stream");
            let request = request.header("last-event-id", last.to_string()).body(bytes::Bytes::new());
            let answer = self.transport.send(request.context("cannot write the request")?).await?;
            let mut events = refused::checked(answer).await?.eventsource();
            while let Some(Ok(event)) = events.next().await {
                if let Some(ended) = read(&event, &mut last, told)? {
                    return Ok(ended);
                }
            }
        }
        let message = format!("the server keeps breaking off what it tells of operation {}", begun.id);
        Err(Failure::new(Exit::Unavailable, message, "the operation may still be at work there").into())
    }
}

/// Tells what an event says; returns the operation at its end.
fn read<E: DeserializeOwned>(event: &Event, last: &mut u64, told: &mut impl FnMut(E)) -> anyhow::Result<Option<Operation>> {
    match event.event.as_str() {
        "event" => {
            let event: OperationEvent = serde_json::from_str(&event.data)?;
            *last = event.number;
            // A newer server may tell of more than this polder knows.
            if let Ok(event) = serde_json::from_value(event.event) {
                told(event);
            }
            Ok(None)
        }
        "end" => Ok(Some(serde_json::from_str(&event.data)?)),
        _ => Ok(None),
    }
}
