//! What a client sends: the messages of the frontend, read from bytes that may be anything.
//!
//! pgwire's own decoder takes the bytes for well-formed and panics where they end early. Here each message is cut out by its length
//! first, and every part of it is looked for before it is taken. Begin with [`message`].

use bytes::{Buf, Bytes, BytesMut};

/// The length of a message's own length.
const LENGTH: usize = 4;
/// The longest start-up packet, as in PostgreSQL.
pub(crate) const MAX_STARTUP_BYTES: usize = 10_000;
/// The longest message before it is known who sends it: a password may be an issuer's token.
pub(crate) const MAX_PASSWORD_BYTES: usize = 64 << 10;

const SSL_REQUEST: i32 = 80_877_103;
const GSS_REQUEST: i32 = 80_877_104;
const CANCEL_REQUEST: i32 = 80_877_102;

/// What a client begins a connection with.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening {
    /// It asks for TLS.
    Tls,
    /// It asks for encryption by GSSAPI.
    Gss,
    /// It asks for another connection's statement to be ended.
    Cancel {
        /// The number of the other session.
        process: i32,
        /// What proves that it is the client's own.
        secret: Bytes,
    },
    /// It says who it is and what it wants.
    Startup {
        /// The minor version of protocol 3.
        minor: u16,
        /// The names and values that come with it, in order.
        parameters: Vec<(String, String)>,
    },
}

/// A message of a session.
#[derive(Debug, PartialEq, Eq)]
pub enum Message {
    /// A password.
    Password(String),
    /// Statements, to be answered as text.
    Query(String),
    /// A statement to be prepared.
    Parse {
        /// What it is to be called; empty for the unnamed one.
        name: String,
        /// The statement.
        sql: String,
        /// The types of its parameters; 0 where the client leaves one open.
        types: Vec<u32>,
    },
    /// Values for a prepared statement.
    Bind(Bind),
    /// A question what a statement or portal will give.
    Describe(Target),
    /// A portal is to be run.
    Execute {
        /// Which.
        portal: String,
        /// How many rows at most; 0 for all.
        max_rows: u32,
    },
    /// A statement or portal is no longer needed.
    Close(Target),
    /// What was answered so far is to be sent.
    Flush,
    /// The end of a round of messages.
    Sync,
    /// Some of the data that is copied in.
    CopyData(Bytes),
    /// All of it was sent.
    CopyDone,
    /// The client has no more of it, for this reason.
    CopyFail(String),
    /// The end.
    Terminate,
}

/// Values for a prepared statement.
#[derive(Debug, PartialEq, Eq)]
pub struct Bind {
    /// What the portal is to be called; empty for the unnamed one.
    pub portal: String,
    /// The prepared statement.
    pub statement: String,
    /// In which form the values are: none for text, one for all, or one each.
    pub formats: Vec<i16>,
    /// The values; `None` is NULL.
    pub values: Vec<Option<Bytes>>,
    /// In which form the rows are wanted: none for text, one for all, or one each.
    pub results: Vec<i16>,
}

/// A statement or portal, by name.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// A prepared statement.
    Statement(String),
    /// A portal.
    Portal(String),
}

/// Bytes that are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// Reads what a client begins a connection with; `None` while bytes are missing.
///
/// # Errors
/// When the bytes cannot become one.
pub fn opening(input: &mut BytesMut) -> Result<Option<Opening>, Malformed> {
    let Some(mut body) = cut(input, 0, MAX_STARTUP_BYTES)? else { return Ok(None) };
    let body = &mut body;
    let opening = match number(body)? {
        SSL_REQUEST => Opening::Tls,
        GSS_REQUEST => Opening::Gss,
        CANCEL_REQUEST => Opening::Cancel { process: number(body)?, secret: body.split_to(body.len()) },
        version if version >> 16 == 3 => {
            let minor = u16::try_from(version & 0xffff).unwrap_or_default();
            let mut parameters = Vec::new();
            loop {
                let name = text(body)?;
                if name.is_empty() {
                    break;
                }
                parameters.push((name, text(body)?));
            }
            Opening::Startup { minor, parameters }
        }
        _ => return Err(Malformed("the client speaks another version of the protocol: version 3 is spoken here")),
    };
    match body.is_empty() {
        true => Ok(Some(opening)),
        false => Err(Malformed("the start-up packet goes on after its end")),
    }
}

/// Reads a session's message of at most so many bytes; `None` while bytes are missing.
///
/// # Errors
/// When the bytes cannot become one.
pub fn message(input: &mut BytesMut, most: usize) -> Result<Option<Message>, Malformed> {
    let Some(kind) = input.first().copied() else { return Ok(None) };
    // Before its length: of what is no message the length means nothing.
    if !b"pQPBDECHSXdcf".contains(&kind) {
        return Err(Malformed("the message is of no known kind"));
    }
    let Some(mut body) = cut(input, 1, most)? else { return Ok(None) };
    let body = &mut body;
    let message = match kind {
        b'p' => Message::Password(text(body)?),
        b'Q' => Message::Query(text(body)?),
        b'P' => {
            let (name, sql) = (text(body)?, text(body)?);
            Message::Parse { name, sql, types: many(body, LENGTH, |body| Ok(number(body)?.cast_unsigned()))? }
        }
        b'B' => Message::Bind(Bind {
            portal: text(body)?,
            statement: text(body)?,
            formats: many(body, 2, short)?,
            values: many(body, LENGTH, value)?,
            results: many(body, 2, short)?,
        }),
        b'D' => Message::Describe(target(body)?),
        b'C' => Message::Close(target(body)?),
        b'E' => {
            let portal = text(body)?;
            // As in PostgreSQL, less than none is all.
            Message::Execute { portal, max_rows: u32::try_from(number(body)?).unwrap_or(0) }
        }
        b'H' => Message::Flush,
        b'S' => Message::Sync,
        b'X' => Message::Terminate,
        b'd' => Message::CopyData(body.split_to(body.len())),
        b'f' => Message::CopyFail(text(body)?),
        _ => Message::CopyDone,
    };
    match body.is_empty() {
        true => Ok(Some(message)),
        false => Err(Malformed("a message goes on after its end")),
    }
}

/// Cuts a message's body out once all of it is there.
fn cut(input: &mut BytesMut, before: usize, most: usize) -> Result<Option<Bytes>, Malformed> {
    let Some(mut length) = input.get(before..before + LENGTH) else { return Ok(None) };
    let length = usize::try_from(length.get_i32()).unwrap_or(0);
    if length < LENGTH {
        return Err(Malformed("a message is shorter than its own length"));
    }
    if length > most {
        return Err(Malformed("a message is longer than this server takes"));
    }
    if input.len() < before + length {
        return Ok(None);
    }
    input.advance(before + LENGTH);
    Ok(Some(input.split_to(length - LENGTH).freeze()))
}

const SHORT: Malformed = Malformed("a message ends early");

fn number(body: &mut Bytes) -> Result<i32, Malformed> {
    body.try_get_i32().map_err(|_| SHORT)
}

fn short(body: &mut Bytes) -> Result<i16, Malformed> {
    body.try_get_i16().map_err(|_| SHORT)
}

/// A text that ends in a zero byte.
fn text(body: &mut Bytes) -> Result<String, Malformed> {
    let end = body.iter().position(|byte| *byte == 0).ok_or(Malformed("a text has no end"))?;
    let text = body.split_to(end);
    body.advance(1);
    String::from_utf8(text.into()).map_err(|_| Malformed("a text is not UTF-8"))
}

/// A count and so many parts, each of which has at least so many bytes.
fn many<T>(body: &mut Bytes, least: usize, part: impl Fn(&mut Bytes) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
    let count = usize::from(body.try_get_u16().map_err(|_| SHORT)?);
    if body.len() < count * least {
        return Err(SHORT);
    }
    (0..count).map(|_| part(body)).collect()
}

/// A value: its length and so many bytes.
fn value(body: &mut Bytes) -> Result<Option<Bytes>, Malformed> {
    match usize::try_from(number(body)?) {
        Err(_) => Ok(None),
        Ok(length) if length <= body.len() => Ok(Some(body.split_to(length))),
        Ok(_) => Err(SHORT),
    }
}

fn target(body: &mut Bytes) -> Result<Target, Malformed> {
    let kind = body.try_get_u8().map_err(|_| SHORT)?;
    let name = text(body)?;
    match kind {
        b'S' => Ok(Target::Statement(name)),
        b'P' => Ok(Target::Portal(name)),
        _ => Err(Malformed("only statements and portals are described and closed")),
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut as _;

    use super::*;

    fn framed(kind: u8, body: &[u8]) -> BytesMut {
        let mut bytes = BytesMut::new();
        bytes.put_u8(kind);
        bytes.put_i32(i32::try_from(body.len() + LENGTH).unwrap());
        bytes.put_slice(body);
        bytes
    }

    #[test]
    fn a_message_is_read_once_all_of_it_is_there() {
        let whole = framed(b'Q', b"SELECT 1\0");
        for end in 0..whole.len() {
            let mut part = BytesMut::from(&whole[..end]);
            assert_eq!(message(&mut part, 100), Ok(None), "{end}");
            assert_eq!(part.len(), end);
        }
        let mut two = whole.clone();
        two.extend_from_slice(&framed(b'S', b""));
        assert_eq!(message(&mut two, 100), Ok(Some(Message::Query("SELECT 1".to_owned()))));
        assert_eq!(message(&mut two, 100), Ok(Some(Message::Sync)));
        assert_eq!(message(&mut two, 100), Ok(None));
    }

    #[test]
    fn what_ends_early_goes_on_or_is_too_long_is_no_message() {
        let wrong: [(u8, &[u8]); 9] = [
            (b'Q', b"SELECT 1"),
            (b'Q', b"SELECT 1\0x"),
            (b'Q', b"\xff\0"),
            (b'P', b"a\0b\0\0\x02\0\0\0\x17"),
            (b'B', b"a\0b\0\0\0\0\x01\0\0\0\x09x\0\0"),
            (b'B', b"a\0b\0\0\0\xff\xff\0\0"),
            (b'E', b"a\0\0"),
            (b'D', b"Xa\0"),
            (b'S', b"x"),
        ];
        for (kind, body) in wrong {
            assert!(message(&mut framed(kind, body), 100).is_err(), "{} {body:?}", kind as char);
        }
        assert!(message(&mut framed(b'Q', &[b'x'; 200]), 100).is_err());
        assert!(message(&mut BytesMut::from(&b"?\0\0\0\x04"[..]), 100).is_err());
        assert!(message(&mut BytesMut::from(&b"Q\0\0\0\x03"[..]), 100).is_err());
        assert!(message(&mut BytesMut::from(&b"Q\xff\xff\xff\xff"[..]), 100).is_err());
    }

    #[test]
    fn values_may_be_missing_and_empty() {
        let body = b"\0s\0\0\x01\0\x01\0\x02\xff\xff\xff\xff\0\0\0\0\0\0";
        let bind = Bind {
            portal: String::new(),
            statement: "s".to_owned(),
            formats: vec![1],
            values: vec![None, Some(Bytes::new())],
            results: Vec::new(),
        };
        assert_eq!(message(&mut framed(b'B', body), 100), Ok(Some(Message::Bind(bind))));
    }

    #[test]
    fn a_connection_is_opened_in_four_ways() {
        let opened = |body: &[u8]| {
            let mut bytes = framed(0, body).split_off(1);
            opening(&mut bytes)
        };
        assert_eq!(opened(&SSL_REQUEST.to_be_bytes()), Ok(Some(Opening::Tls)));
        assert_eq!(opened(&GSS_REQUEST.to_be_bytes()), Ok(Some(Opening::Gss)));
        let cancel = [&CANCEL_REQUEST.to_be_bytes()[..], &7_i32.to_be_bytes(), b"key"].concat();
        assert_eq!(opened(&cancel), Ok(Some(Opening::Cancel { process: 7, secret: Bytes::from_static(b"key") })));
        let parameters = vec![("user".to_owned(), "ana".to_owned())];
        assert_eq!(opened(b"\0\x03\0\x02user\0ana\0\0"), Ok(Some(Opening::Startup { minor: 2, parameters })));
        assert!(opened(b"\0\x02\0\0").is_err() && opened(b"\0\x03\0\0user\0").is_err() && opened(b"").is_err());
    }
}
