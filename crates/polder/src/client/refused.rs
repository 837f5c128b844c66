//! Refusals of the API as errors of a command: its exit code, its hint, its causes.

use std::error::Error;
use std::fmt;

use anyhow::Context as _;
use bytes::Bytes;
use futures::TryStreamExt as _;
use http::Response;
use polder_api::Problem;
use polder_descriptor::Fault;
use polder_server::local::Answer;
use serde::de::DeserializeOwned;

use crate::failure::{Exit, Failure};

/// A refusal.
#[derive(Debug)]
pub(crate) struct Refused {
    exit: Exit,
    problem: Problem,
    cause: Option<Box<Cause>>,
}

/// What led to it, and what led to that.
#[derive(Debug)]
struct Cause {
    text: String,
    cause: Option<Box<Cause>>,
}

impl Refused {
    pub(super) fn new(mut problem: Problem) -> Self {
        let exit = match problem.code.as_str() {
            "not_found" => Exit::NotFound,
            "denied" | "unauthenticated" | "insufficient_scope" | "csrf" => Exit::Denied,
            "conflict" | "precondition_failed" => Exit::Conflict,
            "unavailable" | "too_many_requests" | "timeout" => Exit::Unavailable,
            "failed" | "internal" => Exit::Failed,
            _ if (400..500).contains(&problem.status) => Exit::Invalid,
            _ => Exit::Failed,
        };
        let causes = std::mem::take(&mut problem.causes);
        let cause = causes.into_iter().rev().fold(None, |cause, text| Some(Box::new(Cause { text, cause })));
        Self { exit, problem, cause }
    }

    /// How the command ends.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> Option<&str> {
        self.problem.hint.as_deref()
    }

    /// What is wrong with descriptors, when that is it.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        self.problem.faults.iter().filter_map(|fault| serde_json::from_value(fault.clone()).ok()).collect()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.detail)?;
        // What a server keeps to itself is found in its log and audit by this.
        let ours = self.problem.status >= 500 && self.cause.is_none() && !self.problem.request_id.is_empty();
        if ours { write!(f, " (request {})", self.problem.request_id) } else { Ok(()) }
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

/// The answer, unless it is a refusal.
pub(super) async fn checked(answer: Response<Answer>) -> anyhow::Result<Answer> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer.into_body());
    }
    let body = whole(answer.into_body()).await?;
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => Err(Refused::new(problem).into()),
        Err(error) => {
            let message = format!("the server answered {status}, and not as polder does");
            Err(Failure::new(Exit::Unavailable, message, "see that the address is that of a polder server").because(error).into())
        }
    }
}

/// The value that an answer holds, unless it is a refusal.
pub(super) async fn json<T: DeserializeOwned>(answer: Response<Answer>) -> anyhow::Result<T> {
    let body = whole(checked(answer).await?).await?;
    serde_json::from_slice(&body)
        .context("the answer is not what this polder expects: client and server may be of different versions")
}

async fn whole(answer: Answer) -> anyhow::Result<Bytes> {
    let parts: Vec<Bytes> = answer.try_collect().await.context("the answer broke off")?;
    Ok(match <[Bytes; 1]>::try_from(parts) {
        Ok([only]) => only,
        Err(parts) => parts.concat().into(),
    })
}
