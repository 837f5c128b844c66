//! Ways in for fuzzers, past the socket and the platform, to what reads what clients send. Built with the feature `fuzzing` alone.
//!
//! What is checked here is about types that are nobody else's business; `fuzz/` checks the rest.

use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use bytes::{Buf as _, Bytes};
use polder_engine::{ScalarValue, VisibleTable};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::catalog;
use crate::door::Door;
use crate::listen::{Config, Server};
use crate::rows::{self, CopiedText, CopiedTuples, Formats, pg_type_of};
use crate::sql::route::{Route, route};
use crate::sql::{Command, Piece, pieces};
use crate::startup;
use crate::values;
use crate::wire::Io;

/// How much of what is sent either way waits to be taken.
const PIPE_BYTES: usize = 64 << 10;
/// The database of the statements that are read, and the schema of a search path.
const DATABASE: &str = "dev";
const SCHEMA: &str = "finance.bronze";

/// A server without a socket.
pub struct Connections(Arc<Server>);

impl Connections {
    /// A server with this door.
    ///
    /// # Errors
    /// When the catalog cannot be made.
    pub fn new(door: Arc<dyn Door>, config: Config) -> std::io::Result<Self> {
        Ok(Self(Arc::new(Server::new(door, config)?)))
    }

    /// Serves one connection, of whose client these bytes come, and then the end at once if it hangs up. What the client is sent.
    ///
    /// # Errors
    /// When what is sent cannot be read, which it can.
    pub async fn serve(&self, sent: &[u8], hangs_up: bool) -> std::io::Result<Vec<u8>> {
        let (client, io) = tokio::io::duplex(PIPE_BYTES);
        let (mut answers, mut requests) = tokio::io::split(client);
        let io = ready((Box::new(io) as Box<dyn Io>, false));
        let served = startup::begin_over(Arc::clone(&self.0), io, SocketAddr::from(([127, 0, 0, 1], 5_432)));
        let mut answered = Vec::new();
        let send = async {
            // A server that is done takes no more.
            let _gone = requests.write_all(sent).await;
            if hangs_up {
                let _gone = requests.shutdown().await;
            }
        };
        let ((), (), read) = tokio::join!(served, send, answers.read_to_end(&mut answered));
        read.map(|_| answered)
    }
}

/// Tells the statements of a text apart, finds out what each asks for and of whom, and writes what is asked of a catalog of these
/// tables anew.
///
/// # Panics
/// When a statement is not what stands at its place, reads otherwise by itself, or loses its places on its way to the platform.
pub fn statements(text: &str, tables: &[VisibleTable]) {
    let Ok(pieces) = pieces(text) else { return };
    for piece in &pieces {
        let start = text.char_indices().nth(piece.before).map(|(at, _)| at).expect("a statement begins within its text");
        assert!(text[start..].starts_with(&piece.sql), "a statement stands at its place: {piece:?}");
        reads_the_same_alone(piece);
        tokens_are_in_place(piece);
        if matches!(Command::of(piece), Ok(Command::Query)) {
            routed(piece, None, tables);
            routed(piece, Some(SCHEMA), tables);
        }
    }
}

fn reads_the_same_alone(piece: &Piece) {
    let alone = pieces(&piece.sql).expect("what was read with others is read alone");
    let same = matches!(alone.as_slice(), [alone] if alone.sql == piece.sql && alone.tokens == piece.tokens);
    assert!(same, "a statement reads alone as it does with others: {piece:?} {alone:?}");
}

fn tokens_are_in_place(piece: &Piece) {
    let mut end = 0;
    for token in &piece.tokens {
        assert!(end <= token.start && token.start < token.end, "tokens stand one after the other: {piece:?}");
        assert!(piece.sql.get(token.start..token.end).is_some(), "a token is a part of the text: {piece:?}");
        end = token.end;
    }
    assert_eq!(end, piece.sql.len(), "a statement ends with its last token: {piece:?}");
}

fn routed(piece: &Piece, schema: Option<&str>, tables: &[VisibleTable]) {
    match route(piece, DATABASE, schema) {
        Ok(Route::Data(sql)) => {
            assert!(
                schema.is_some() || sql.len() == piece.sql.len(),
                "a database is left out by spaces: {:?} {sql:?}",
                piece.sql
            );
            assert!(sql.len() >= piece.sql.len(), "a schema is added, and nothing taken away: {:?} {sql:?}", piece.sql);
        }
        Ok(Route::Catalog(mut asked)) => {
            asked.typed(&[1009, 1016, 23]);
            let _arrays = asked.arrays();
            let _written_anew = catalog::rewritten(&asked, tables.to_vec());
        }
        Err(_) => {}
    }
}

/// Reads a value of a parameter whose type the client says by its number, or leaves open by 0; of what the statement makes of it; as
/// text or binary.
#[must_use]
pub fn value(oid: u32, inferred: &DataType, format: i16, value: &[u8]) -> Option<ScalarValue> {
    let inferred = [Some(inferred.clone())];
    let types = values::types(&[oid], &inferred);
    let read = values::read(&types, &inferred, vec![format], vec![Some(Bytes::copy_from_slice(value))]);
    read.ok().and_then(|mut values| values.pop())
}

/// Writes a value as text or binary, as it stands in a row; `None` when it has no such form. `Some(None)` is NULL.
///
/// # Panics
/// When what is written is no row of one value.
#[must_use]
pub fn written(value: &ScalarValue, format: i16) -> Option<Option<Vec<u8>>> {
    let column = value.to_array().ok()?;
    let schema = Schema::new(vec![Field::new("value", column.data_type().clone(), true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![column]).ok()?;
    let row = rows::written(batch, Formats(vec![format])).ok()?;
    let mut body = row.as_ref();
    let head = (body.get_u8(), body.get_i32(), body.get_u16());
    assert_eq!(head, (b'D', i32::try_from(row.len() - 1).expect("a short row"), 1));
    let length = body.get_i32();
    assert_eq!(usize::try_from(length).unwrap_or(0), body.len(), "a value is as long as it says");
    Some((length >= 0).then(|| body.to_vec()))
}

/// A form in which rows are copied in.
#[derive(Debug, Clone)]
pub enum Copied {
    /// As text.
    Text {
        /// What stands between fields.
        delimiter: u8,
        /// What a missing value is.
        null: &'static str,
    },
    /// As binary, of columns of these types.
    Binary(Vec<DataType>),
}

/// Makes CSV of rows that are copied in, in these pieces; `None` when they are none.
#[must_use]
pub fn copied(form: &Copied, pieces: &[&[u8]]) -> Option<Vec<u8>> {
    let mut csv = Vec::new();
    match form {
        Copied::Text { delimiter, null } => {
            let mut rows = CopiedText::new(*delimiter, null);
            pieces.iter().for_each(|piece| rows.take(piece, &mut csv));
            rows.end(&mut csv);
        }
        Copied::Binary(types) => {
            let mut rows = CopiedTuples::new(types.clone()).ok()?;
            pieces.iter().try_for_each(|piece| rows.take(piece, &mut csv)).ok()?;
            rows.end().ok()?;
        }
    }
    Some(csv)
}

/// The number of the type that values of an Arrow type have on the wire.
#[must_use]
pub fn type_of(data_type: &DataType) -> u32 {
    pg_type_of(data_type).oid()
}
