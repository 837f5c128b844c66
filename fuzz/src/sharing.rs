//! Delta Sharing from both sides: what clients ask of us, and what the server of a share answers us.
//!
//! Every reader is given the same bytes. What we write of them is read back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use chrono::DateTime;
use polder_model::connection::{ReceivedShare, ShareCredential};
use polder_model::secret::Secret;
use polder_receive::fuzzing::{Answer, Client, trades};
use polder_share::fuzzing::sealed;
use polder_share::lines::{Extent, File, FileKind, Lines};
use polder_share::{
    AddressError, AddressKey, Ask, Capabilities, ChangesAsk, Columns, Condition, FileFacts, Form, VolumeAddressKey, page,
};
use serde_json::{Value, json};

use crate::postgres_sql::column;
use crate::within;

/// What a question or answer of some kilobytes may be held in.
const HELD_BYTES: usize = 64 << 20;
/// Where the share is that answers.
const ENDPOINT: &str = "https://share.example/delta-sharing/";
/// What parts pages of an answer.
const PAGE_END: &str = "\n----\n";

/// Nothing is needed.
pub fn prepare() {}

/// Takes a question, an address, or an answer.
///
/// # Panics
/// When what we write is read otherwise, or an address leads out of its folder.
pub fn run(sent: &[u8]) {
    within(HELD_BYTES, || {
        asked(sent);
        address(sent);
        let _is_token = trades(sent);
        let Ok(text) = std::str::from_utf8(sent) else { return };
        hints(text);
        pages(text);
        answered(text);
        told(text);
    });
}

/// A question's body.
fn asked(body: &[u8]) {
    if let Ok(ask) = Ask::read(body) {
        may_hold(&ask.condition());
    }
    if let Ok(ask) = serde_json::from_slice::<ChangesAsk>(body) {
        let _metadata = ask.wants_metadata();
    }
}

/// What clients hint of the rows they want, and say that they can read.
fn hints(text: &str) {
    may_hold(&Condition::of_json(text));
    may_hold(&Condition::of_sql(&text.split(PAGE_END).collect::<Vec<_>>()));
    let _form = Capabilities::read(text).choose(&["deletionVectors".to_owned()]);
}

fn may_hold(condition: &Condition) {
    let columns = Columns::read(
        r#"{"fields": [{"name": "id", "type": "long"}, {"name": "price", "type": "double"}, {"name": "name", "type": "string"},
            {"name": "day", "type": "date"}, {"name": "at", "type": "timestamp"}, {"name": "ok", "type": "boolean"}]}"#,
    );
    let stats = json!({
        "numRecords": 2,
        "minValues": {"id": 1, "price": -1.5, "name": "a", "at": "2024-02-01T00:00:00.000Z", "ok": false},
        "maxValues": {"id": 9, "price": 1.5, "name": "z", "at": "2024-02-29T12:00:00.000Z", "ok": true},
        "nullCount": {"id": 0, "price": 1, "name": 2, "at": 0, "ok": 0},
    });
    let partition_values = BTreeMap::from([("day".to_owned(), Some("2024-02-01".to_owned()))]);
    let facts = FileFacts { partition_values: &partition_values, stats: Some(&stats) };
    let held = condition.may_hold(&columns, facts);
    let opposite = Condition::Not(Box::new(condition.clone()));
    assert!(
        held || opposite.may_hold(&columns, facts),
        "a file is not left out for what is wanted and its opposite: {condition:?}"
    );
}

/// A list of the text's lines, and the tokens that lead through it. As names are, none is empty.
fn pages(text: &str) {
    let items: BTreeSet<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let list = |limit, token: Option<&str>| page(items.iter().copied(), |item| (*item).to_owned(), Some(limit), token);
    if let Ok(page) = list(2, Some(text)) {
        assert!(page.items.is_sorted(), "a page is in order");
    }
    let limit = u32::try_from(items.len()).unwrap_or(u32::MAX).div_ceil(3);
    let (mut found, mut token) = (Vec::new(), None::<String>);
    loop {
        let page = list(limit, token.as_deref()).expect("a token that was given is taken");
        found.extend(page.items);
        match page.next {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    assert!(found.iter().eq(&items), "pages make up the list: {found:?}");
}

/// Addresses that were not given here, and what they could say if they were.
fn address(sent: &[u8]) {
    let key = Secret::new("a key of the tenant");
    let (addresses, volumes) = (AddressKey::new(&key), VolumeAddressKey::new(&key));
    if let Ok(text) = std::str::from_utf8(sent) {
        assert_eq!(addresses.open(text, DateTime::UNIX_EPOCH), Err(AddressError::Forged));
        assert_eq!(volumes.open(text, DateTime::UNIX_EPOCH), Err(AddressError::Forged));
    }
    let sealed = sealed(&key, sent);
    if let Ok(address) = addresses.open(&sealed, DateTime::UNIX_EPOCH) {
        assert_eq!(addresses.open(&addresses.sign(&address), DateTime::UNIX_EPOCH).as_ref(), Ok(&address));
    }
    if let Ok(address) = volumes.open(&sealed, DateTime::UNIX_EPOCH) {
        assert_eq!(volumes.open(&volumes.sign(&address), DateTime::UNIX_EPOCH).as_ref(), Ok(&address));
        let stays = Path::new(address.file.as_str()).components().all(|part| matches!(part, Component::Normal(_)));
        assert!(stays, "{:?} leads out of its volume", address.file);
    }
}

/// What a share's server answers, page after page.
fn answered(text: &str) {
    let client = client();
    let declared = [column("id", "bigint"), column("name", "string"), column("day", "date")];
    let pages = text.split(PAGE_END).map(str::as_bytes);
    if let Ok(Some(Answer { columns: Ok(columns), .. })) = client.answer(pages, &declared) {
        assert_eq!(columns.len(), declared.len());
    }
    let mut names = text.splitn(2, '\n');
    let url = client.url(names.next().unwrap_or_default(), names.next().unwrap_or_default());
    assert!(url.starts_with(&format!("{ENDPOINT}shares/partners/schemas/")), "{url} is not below the endpoint");
}

/// Lines that tell of a file in these words, read by whom they are for.
fn told(text: &str) {
    let mut lines = Lines::new(Form::Parquet);
    let schema = json!({"type": "struct", "fields": [{"name": "id", "type": "long", "metadata": {}}]}).to_string();
    let delta = json!({"id": text, "schemaString": schema, "partitionColumns": [], "configuration": {}});
    let file = File {
        kind: FileKind::Snapshot,
        id: text.to_owned(),
        url: text.to_owned(),
        size: text.len() as u64,
        partition_values: BTreeMap::from([(text.to_owned(), Some(text.to_owned())), (String::new(), None)]),
        stats: Some(text.to_owned()),
        version: None,
        timestamp_millis: None,
        expires_millis: 5_000,
        modified_millis: 4_000,
        data_change: true,
        deletion_vector: None,
    };
    let (partition_values, extent) = (file.partition_values.clone(), Extent { version: 3, size: file.size, files: 1 });
    let written = lines
        .protocol(&Value::Null)
        .and_then(|()| lines.metadata(&delta, Some(extent), None))
        .and_then(|()| lines.file(file))
        .map(|()| lines.into_bytes());
    let written = written.expect("texts are written as JSON");
    let answer = client().answer([written.as_slice()], &[column("id", "bigint")]).expect("what we write is the protocol's");
    let Answer { id, files, columns } = answer.expect("metadata");
    assert_eq!((id.as_str(), columns), (text, Ok(vec!["id".to_owned()])));
    let [file] = files.as_slice() else { panic!("{} files", files.len()) };
    assert_eq!((file.id.as_str(), file.url.as_str(), file.size), (text, text, text.len() as u64));
    assert_eq!((&file.partition_values, file.expiration_timestamp), (&partition_values, Some(5_000)));
}

fn client() -> Client {
    let credential = ShareCredential::Token("${secret:PARTNER}".parse().expect("a name"));
    let share = ReceivedShare { endpoint: ENDPOINT.to_owned(), share: "partners".to_owned(), credential, cache_megabytes: 1 };
    Client::new(&share).expect("an address")
}
