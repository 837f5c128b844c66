//! Verifying the audit: every hash anew, from the beginning or from a point that was noted, up to the signed head.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::audit::chain::{self, BEGINNING, Hash, Head, Stored};
use crate::error::Result;
use crate::store::Store;
use crate::work::{Work, as_bigint};

const DOING: &str = "verifying the audit";

/// How many records are read at once.
const PAGE: u64 = 2_000;

/// A record by its place and its hash: whoever notes it elsewhere can ask later whether it is still there, and all before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditPoint {
    /// The record's place; 0 is before the first.
    pub sequence: u64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
}

impl fmt::Display for AuditPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash)
    }
}

/// A text is not a point of the audit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a point of the audit: write SEQUENCE:HASH, as `polder audit verify` prints it")]
pub struct NotAPoint(String);

impl FromStr for AuditPoint {
    type Err = NotAPoint;

    fn from_str(text: &str) -> std::result::Result<Self, NotAPoint> {
        let not_a_point = || NotAPoint(text.to_owned());
        let (sequence, hash) = text.split_once(':').ok_or_else(not_a_point)?;
        let sequence = sequence.parse().map_err(|_| not_a_point())?;
        let hash = chain::read_hash(hash).map_err(|_| not_a_point())?;
        Ok(Self { sequence, hash: hex::encode(hash) })
    }
}

/// What verifying found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerification {
    /// How many records were verified: all those before the first that is wrong.
    pub count: u64,
    /// The last record, as the head has it.
    pub head: AuditPoint,
    /// The first thing that is wrong.
    pub fault: Option<AuditFault>,
}

/// Where the audit is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditFault {
    /// The first record that is wrong or missing.
    pub sequence: u64,
    /// What is wrong there.
    pub wrong: AuditWrong,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditWrong {
    /// Its hash is not that of its content after the record before it: one of the two was changed.
    Hash,
    /// It is missing, and there are later ones.
    Gap,
    /// It is there more than once.
    Order,
    /// It is missing and so are all after it, though the head knows of them.
    Truncated,
    /// It is there, and the head does not know of it: it was not appended by polder.
    BeyondHead,
    /// The head is not signed with the tenant's key: it was changed, or the key was.
    Head,
    /// It is not the record that was noted: the audit was replaced.
    Replaced,
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequence = self.sequence;
        match self.wrong {
            AuditWrong::Hash => write!(f, "record {sequence} or the one before it was changed: its hash does not fit"),
            AuditWrong::Gap => write!(f, "record {sequence} is missing"),
            AuditWrong::Order => write!(f, "record {sequence} is there more than once"),
            AuditWrong::Truncated => write!(f, "the audit was cut off: record {sequence} and all after it are missing"),
            AuditWrong::BeyondHead => write!(f, "record {sequence} was not appended by polder: the head does not know of it"),
            AuditWrong::Head => write!(f, "the head, at record {sequence}, is not signed with this tenant's key"),
            AuditWrong::Replaced => write!(f, "record {sequence} is not the one that was noted: the audit was replaced"),
        }
    }
}

impl Store {
    /// Verifies the audit from the beginning, or from a record that was noted earlier, which must be there as it was. `progress`
    /// is told how many records are verified so far. What is appended meanwhile is left for the next time.
    ///
    /// # Errors
    /// Only faults of the database and of the key's file: what is wrong with the audit is in the result.
    pub async fn verify_audit(
        &self,
        from: Option<&AuditPoint>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<AuditVerification> {
        let key = self.audit_key()?;
        let mut work = self.read(DOING).await?;
        let (head, signed) = Head::read(&mut work, chain::HEAD, &key).await?;
        let beyond = first_beyond(&mut work, head.sequence).await?;
        drop(work);
        let mut verified = Verified { last: Head { sequence: 0, hash: BEGINNING }, count: 0 };
        let mut fault = match from {
            Some(point) => self.begin_at(&mut verified, point, head).await?,
            None => None,
        };
        while fault.is_none() && verified.last.sequence < head.sequence {
            fault = self.verify_page(&mut verified, head).await?;
            progress(verified.count);
        }
        let at_head = |wrong| AuditFault { sequence: head.sequence, wrong };
        let fault = fault
            .or_else(|| (verified.last != head).then(|| at_head(AuditWrong::Hash)))
            .or_else(|| (!signed).then(|| at_head(AuditWrong::Head)))
            .or_else(|| beyond.map(|sequence| AuditFault { sequence, wrong: AuditWrong::BeyondHead }));
        let head = AuditPoint { sequence: head.sequence, hash: hex::encode(head.hash) };
        Ok(AuditVerification { count: verified.count, head, fault })
    }

    /// Begins at a record that was noted: all before it is as it was, if it is there.
    async fn begin_at(&self, verified: &mut Verified, point: &AuditPoint, head: Head) -> Result<Option<AuditFault>> {
        let fault = |wrong| Ok(Some(AuditFault { sequence: point.sequence, wrong }));
        if point.sequence > head.sequence {
            return fault(AuditWrong::Truncated);
        }
        let mut work = self.read(DOING).await?;
        let sql = sqlx::query("select hash from audit where sequence = $1").bind(as_bigint(point.sequence));
        let hash = match work.row(sql).await? {
            Some(row) => row.text("hash")?,
            None if point.sequence == 0 => hex::encode(BEGINNING),
            None => return fault(AuditWrong::Gap),
        };
        match chain::read_hash(&hash) {
            Ok(found) if hash == point.hash => {
                verified.last = Head { sequence: point.sequence, hash: found };
                Ok(None)
            }
            _ => fault(AuditWrong::Replaced),
        }
    }

    async fn verify_page(&self, verified: &mut Verified, head: Head) -> Result<Option<AuditFault>> {
        let mut work = self.read(DOING).await?;
        // From the last one on, to see whether it is there twice.
        let sql = sqlx::query(
            "select sequence, environment, time, principal, authenticated_by, source, action, securable, allowed, determined_by, \
             detail, request_id, hash from audit where sequence >= $1 and sequence <= $2 order by sequence limit $3",
        );
        let first = verified.last.sequence.max(1);
        let sql = sql.bind(as_bigint(first)).bind(as_bigint(head.sequence)).bind(as_bigint(PAGE + 1));
        let rows = work.rows(sql).await?;
        let known = usize::from(verified.last.sequence > 0 && !rows.is_empty());
        for row in &rows[known..] {
            let record = Stored::read(row)?;
            if let Some(wrong) = verified.next(&record, &row.text("hash")?) {
                return Ok(Some(wrong));
            }
        }
        let missing = AuditFault { sequence: verified.last.sequence + 1, wrong: AuditWrong::Truncated };
        Ok((rows.len() == known).then_some(missing))
    }
}

/// How far the chain is as it was written.
struct Verified {
    last: Head,
    count: u64,
}

impl Verified {
    fn next(&mut self, record: &Stored, kept: &str) -> Option<AuditFault> {
        let expected = self.last.sequence + 1;
        let fault = |sequence, wrong| Some(AuditFault { sequence, wrong });
        if record.sequence < expected {
            return fault(record.sequence, AuditWrong::Order);
        }
        if record.sequence > expected {
            return fault(expected, AuditWrong::Gap);
        }
        let hash: Hash = record.hash(&self.last.hash);
        if chain::read_hash(kept) != Ok(hash) {
            return fault(expected, AuditWrong::Hash);
        }
        self.last = Head { sequence: expected, hash };
        self.count += 1;
        None
    }
}

async fn first_beyond(work: &mut Work, head: u64) -> Result<Option<u64>> {
    let sql = sqlx::query("select sequence from audit where sequence > $1 order by sequence limit 1").bind(as_bigint(head));
    work.row(sql).await?.map(|row| row.count("sequence")).transpose()
}
