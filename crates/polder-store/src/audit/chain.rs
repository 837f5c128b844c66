//! The chain: what is hashed of a record, the signed head, and appending to both within a transaction.
//!
//! ```text
//!  record 1            record 2            record 3                 head
//!  +---------+-----+   +---------+-----+   +---------+-----+   +----------+-----+-----------+
//!  | fields  |hash |-->| fields  |hash |-->| fields  |hash |-->| 3, hash of 3   | signature |
//!  +---------+-----+   +---------+-----+   +---------+-----+   +----------+-----+-----------+
//! ```

use hmac::{Hmac, Mac as _};
use polder_model::secret::Secret;
use sha2::{Digest as _, Sha256};

use crate::audit::AuditEvent;
use crate::bulk::{self, Value};
use crate::error::{AUDIT_KEY, Result, StoreError};
use crate::store::{Dialect, Store};
use crate::work::{Cells, Work, as_bigint, time_text};

/// The longest text that is kept of one field, in characters: whoever is refused chooses what is written here.
const TEXT_LIMIT: usize = 4_096;

/// What a hash and a signature begin with: the form of what follows. Another form would begin otherwise.
const RECORD_FORM: &[u8] = b"polder audit record 1\0";
const HEAD_FORM: &[u8] = b"polder audit head 1\0";

/// A hash of the chain.
pub(super) type Hash = [u8; 32];

/// What comes before the first record.
pub(super) const BEGINNING: Hash = [0; 32];

/// A record as it is in the database, text for text: what is hashed.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) sequence: u64,
    environment: Option<String>,
    allowed: bool,
    /// Time, principal, authenticated by, source, action, securable, determined by, detail, request id.
    texts: [String; 9],
}

impl Stored {
    pub(super) fn new(sequence: u64, event: &AuditEvent) -> Self {
        let environment = event.environment.as_ref().map(ToString::to_string);
        let texts = [
            time_text(event.time),
            event.principal.to_string(),
            kept(&event.authenticated_by),
            kept(&event.source),
            kept(&event.action),
            kept(&event.securable),
            event.determined_by.to_string(),
            kept(&event.detail),
            kept(&event.request_id),
        ];
        Self { sequence, environment, allowed: event.allowed, texts }
    }

    pub(super) fn read(row: &Cells) -> Result<Self> {
        let texts = [
            row.text("time")?,
            row.text("principal")?,
            row.text("authenticated_by")?,
            row.text("source")?,
            row.text("action")?,
            row.text("securable")?,
            row.text("determined_by")?,
            row.text("detail")?,
            row.text("request_id")?,
        ];
        let (sequence, environment) = (row.count("sequence")?, row.text_if_any("environment")?);
        Ok(Self { sequence, environment, allowed: row.number("allowed")? != 0, texts })
    }

    /// The record's hash, after that of the record before it. Each text goes in with its length, so that no two records are
    /// written alike.
    pub(super) fn hash(&self, previous: &Hash) -> Hash {
        let mut hash = Sha256::new_with_prefix(RECORD_FORM);
        hash.update(previous);
        hash.update(self.sequence.to_be_bytes());
        hash.update([u8::from(self.allowed), u8::from(self.environment.is_some())]);
        for text in self.environment.iter().chain(&self.texts) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().into()
    }

    fn row(self, hash: &Hash) -> [Value; 13] {
        let [time, principal, authenticated_by, source, action, securable, determined_by, detail, request_id] =
            self.texts.map(Value::Text);
        [
            Value::Number(as_bigint(self.sequence)),
            Value::TextIfAny(self.environment),
            time,
            principal,
            authenticated_by,
            source,
            action,
            securable,
            Value::Number(self.allowed.into()),
            determined_by,
            detail,
            request_id,
            Value::Text(hex::encode(hash)),
        ]
    }
}

/// What is kept of a text: PostgreSQL has no way to write the character 0.
fn kept(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).map(|c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) sequence: u64,
    pub(super) hash: Hash,
}

impl Head {
    const EMPTY: Self = Self { sequence: 0, hash: BEGINNING };

    /// Reads the head, and whether the tenant's key signed it.
    pub(super) async fn read(work: &mut Work, sql: &'static str, key: &Secret) -> Result<(Self, bool)> {
        let Some(row) = work.row(sqlx::query(sql)).await? else {
            return Ok((Self::EMPTY, false));
        };
        let hash = row.read("hash", read_hash)?;
        let head = Self { sequence: row.count("sequence")?, hash };
        let signature = row.read("signature", |text| hex::decode(text))?;
        // Nothing was appended yet, and nothing signed.
        let signed = if head == Self::EMPTY { signature.is_empty() } else { head.mac(key).verify_slice(&signature).is_ok() };
        Ok((head, signed))
    }

    async fn write(self, work: &mut Work, key: &Secret) -> Result<()> {
        let signature = hex::encode(self.mac(key).finalize().into_bytes());
        let sql = sqlx::query("update audit_head set sequence = $1, hash = $2, signature = $3 where one = 1");
        work.run(sql.bind(as_bigint(self.sequence)).bind(hex::encode(self.hash)).bind(signature)).await?;
        Ok(())
    }

    fn mac(&self, key: &Secret) -> Hmac<Sha256> {
        // An HMAC takes keys of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).unwrap_or_else(|_| Hmac::new(&Default::default()));
        mac.update(HEAD_FORM);
        mac.update(&self.sequence.to_be_bytes());
        mac.update(&self.hash);
        mac
    }
}

pub(super) const HEAD: &str = "select sequence, hash, signature from audit_head where one = 1";
/// Keeps other servers out until the transaction ends.
const HEAD_HELD: &str = "select sequence, hash, signature from audit_head where one = 1 for update";

pub(super) fn read_hash(text: &str) -> std::result::Result<Hash, hex::FromHexError> {
    let mut hash = BEGINNING;
    hex::decode_to_slice(text, &mut hash).map(|()| hash)
}

impl Store {
    /// Sees that the tenant's keys are those that this database was written with, and makes the audit's if nothing was audited
    /// yet.
    ///
    /// For a server's start: with the keys of another folder it could audit nothing, and so do nothing.
    ///
    /// # Errors
    /// [`StoreError::Key`] when the audit's key is missing or cannot be used, [`StoreError::AuditEnd`] when it did not sign the
    /// end of the audit: no key is made then. Faults of the database.
    pub async fn check_keys(&self) -> Result<()> {
        let mut work = self.read("checking the tenant's keys").await?;
        let unwritten = sqlx::query("select sequence from audit_head where one = 1 and sequence = 0");
        let key = match work.row(unwritten).await? {
            Some(_) => self.audit_key()?,
            None => self.kept_tenant_key(AUDIT_KEY)?,
        };
        let (_, signed) = Head::read(&mut work, HEAD, &key).await?;
        if signed { Ok(()) } else { Err(StoreError::AuditEnd { place: work.place.to_string() }) }
    }

    /// The key that signs the head.
    pub(super) fn audit_key(&self) -> Result<Secret> {
        self.tenant_key(AUDIT_KEY)
    }
}

/// Reads the head and keeps other writers out.
pub(super) async fn hold_head(work: &mut Work, dialect: Dialect, key: &Secret) -> Result<Head> {
    let sql = if dialect == Dialect::Postgres { HEAD_HELD } else { HEAD };
    let (head, signed) = Head::read(work, sql, key).await?;
    if signed { Ok(head) } else { Err(StoreError::AuditEnd { place: work.place.to_string() }) }
}

/// Appends to the head that is held; returns the new one.
pub(super) async fn append(work: &mut Work, mut head: Head, key: &Secret, events: &[AuditEvent]) -> Result<Head> {
    let rows = events.iter().map(|event| {
        let stored = Stored::new(head.sequence + 1, event);
        head = Head { sequence: stored.sequence, hash: stored.hash(&head.hash) };
        stored.row(&head.hash)
    });
    let rows = rows.collect();
    let into = "audit (sequence, environment, time, principal, authenticated_by, source, action, securable, allowed, \
                determined_by, detail, request_id, hash)";
    bulk::insert(work, into, "", rows).await?;
    head.write(work, key).await?;
    Ok(head)
}
