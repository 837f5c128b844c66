//! Texts with statements, as clients of PostgreSQL send them.

use polder_engine::{TableKind, TableParts, VisibleTable};
use polder_model::Column;
use polder_pgwire::fuzzing::statements;

use crate::sessions::{MESSAGE_BYTES, Sessions, readies};
use crate::within;

/// What a session may hold of a text of a few kilobytes.
const HELD_BYTES: usize = 256 << 20;

/// Starts what sessions are served by, and the catalog that is asked.
pub fn prepare() {
    run(b"SELECT 'finance.bronze.customer_v1'::regclass");
}

/// Takes a text.
///
/// # Panics
/// When a statement is read otherwise than it stands there, or the session does not go on after it.
pub fn run(sent: &[u8]) {
    let Ok(text) = std::str::from_utf8(sent) else { return };
    if text.contains('\0') || text.len() > MESSAGE_BYTES / 2 {
        return;
    }
    within(HELD_BYTES, || {
        statements(text, &[table()]);
        let answered = Sessions::get().serve(&conversation(text), false);
        assert_eq!(readies(&answered), Some(3), "a session goes on, whatever it is asked");
    });
}

fn table() -> VisibleTable {
    VisibleTable {
        name: TableParts::dotted("finance.bronze.customer_v1"),
        kind: TableKind::Table,
        columns: vec![column("id", "bigint"), column("name", "string")],
        comment: String::new(),
    }
}

pub(crate) fn column(name: &str, data_type: &str) -> Column {
    Column {
        name: name.to_owned(),
        data_type: data_type.parse().expect("a type"),
        optional: true,
        description: String::new(),
        tags: std::collections::BTreeSet::new(),
        mask: None,
    }
}

/// A session that asks the same in both ways: at once, and in steps.
fn conversation(text: &str) -> Vec<u8> {
    let mut sent = vec![0, 3, 0, 2];
    sent.extend_from_slice(b"user\0ana\0database\0dev\0\0");
    let length = u32::try_from(sent.len() + 4).expect("a short packet").to_be_bytes();
    let mut sent = [&length[..], &sent].concat();
    let text = text.as_bytes();
    let messages: [(u8, &[&[u8]]); 10] = [
        (b'p', &[b"a token\0"]),
        (b'Q', &[text, b"\0"]),
        // A parameter is an array of texts, the next is left open.
        (b'P', &[b"s\0", text, b"\0", &[0, 2, 0, 0, 3, 0xf1, 0, 0, 0, 0]]),
        (b'B', &[b"p\0s\0", &[0, 0, 0, 0, 0, 1, 0, 1]]),
        (b'D', &[b"Ss\0"]),
        (b'D', &[b"Pp\0"]),
        (b'E', &[b"p\0", &[0, 0, 0, 1]]),
        (b'C', &[b"Ss\0"]),
        (b'S', &[]),
        (b'X', &[]),
    ];
    for (kind, parts) in messages {
        let body = parts.concat();
        sent.push(kind);
        sent.extend(u32::try_from(body.len() + 4).expect("a short message").to_be_bytes());
        sent.extend(body);
    }
    sent
}
