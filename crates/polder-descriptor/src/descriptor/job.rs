//! `domains/<domain>/jobs/*.yaml`: what makes data.

use std::collections::BTreeMap;

use polder_model::job::{BadRows, CsvOptions, FileFormat, FileSource};
use polder_model::{DomainName, JobId, JobName, ObjectName, PrincipalName, TableName};

use crate::cron;
use crate::descriptor::dataset::beside;
use crate::descriptor::{Reference, dataset_id};
use crate::fault::Span;
use crate::reader::{Fields, Reader, Spanned};
use crate::suggest;
use crate::yaml::Node;

/// The kinds of framework that polder runs itself.
const KINDS: [&str; 2] = ["ingest", "sql"];
/// What is said to others' frameworks.
const EXTERNAL: [&str; 4] = ["cluster", "entrypointClass", "dependencies", "configurations"];

/// What a job descriptor says.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) id: JobId,
    /// Where its name stands.
    pub(crate) span: Span,
    pub(crate) description: String,
    pub(crate) run_as: Option<Spanned<PrincipalName>>,
    pub(crate) sources: Vec<Source>,
    pub(crate) sink: Option<Reference>,
    pub(crate) framework: Framework,
    pub(crate) write: Write,
    pub(crate) bad_rows: BadRows,
    pub(crate) declassify: BTreeMap<String, Spanned<String>>,
    pub(crate) schedule: Option<String>,
}

/// A dataset that is read, with the name the job's SQL uses for it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) dataset: Reference,
    pub(crate) alias: String,
    /// The table of a connection that it is read from, in place of the dataset's own.
    pub(crate) through: Option<Spanned<TableName>>,
}

/// `framework`, and `from` where it applies.
#[derive(Debug, Clone)]
pub(crate) enum Framework {
    /// `kind: ingest`
    Ingest(Ingest),
    /// `kind: sql`, with its file named from the mesh's folder.
    Sql(Option<Spanned<String>>),
    /// Any other kind.
    External { kind: String, settings: serde_json::Value },
}

/// `from`; its columns with where each stands.
#[derive(Debug, Clone)]
pub(crate) struct Ingest {
    pub(crate) source: Option<FileSource>,
    pub(crate) columns: Vec<Spanned<String>>,
}

/// `write`.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) mode: Mode,
    pub(crate) keys: Vec<Spanned<String>>,
}

/// How data gets into the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Rows are added.
    Append,
    /// Rows replace all rows.
    Overwrite,
    /// Rows replace those with the same key.
    Merge,
}

impl Job {
    /// Reads the file's tree.
    pub(crate) fn read(r: &mut Reader<'_>, tree: &Node, folder: &DomainName) -> Option<Self> {
        let mut fields = r.fields(tree, "a job")?;
        fields.text(r, "specVersion");
        let name = fields.required::<JobName>(r, "name", "name the job");
        let source_nodes = fields.items(r, "sources");
        let sources = sources(r, source_nodes);
        let sink = fields.fields(r, "sink").and_then(|mut sink| {
            let id = dataset_id(r, &mut sink);
            sink.finish(r);
            id
        });
        let has_sink = fields.raw("sink").is_some();
        let from = fields.get("from");
        let framework = framework(r, &mut fields, from, name.as_ref());
        let write = write(r, &mut fields, matches!(framework, Framework::Ingest(_)), tree.span);
        let bad_rows = bad_rows(r, &mut fields, &framework);
        let job =
            (fields.words(r, "description"), fields.parsed(r, "runAs"), fields.texts(r, "declassify"), schedule(r, &mut fields));
        fields.accept_map(r, crate::merge::OVERRIDES);
        if !has_sink && !matches!(framework, Framework::External { .. }) {
            let message = "'sink' is missing: the job says not where its rows go";
            fields.missing(r, &["sink"], message, "write sink: {domain: ..., name: ..., version: v1}");
        }
        fields.finish(r);
        let name = name?;
        let id = JobId { domain: folder.clone(), name: name.value };
        let (description, run_as, declassify, schedule) = job;
        Some(Self { id, span: name.span, description, run_as, sources, sink, framework, write, bad_rows, declassify, schedule })
    }
}

fn sources(r: &mut Reader<'_>, nodes: &[Node]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let Some(mut fields) = r.fields(node, "a source") else { continue };
        let dataset = dataset_id(r, &mut fields);
        let alias = fields.parsed::<ObjectName>(r, "alias");
        let through = fields.parsed::<TableName>(r, "through");
        fields.finish(r);
        let Some(dataset) = dataset else { continue };
        let span = alias.as_ref().map_or(dataset.span, |alias| alias.span);
        let alias = alias.map_or_else(|| dataset.value.name.to_string(), |alias| alias.value.to_string());
        if let Some(first) = sources.iter().find(|known| known.alias == alias) {
            let message = format!("two sources go by the name '{alias}': this one and that on line {}", first.dataset.span.line);
            r.error(span, "duplicate-alias", &alias, message).help = Some(format!("add alias: another_{alias}"));
        }
        sources.push(Source { dataset, alias, through });
    }
    sources
}

fn framework(r: &mut Reader<'_>, fields: &mut Fields<'_>, from: Option<&Node>, name: Option<&Spanned<JobName>>) -> Framework {
    let none = Framework::Sql(None);
    let Some(node) = fields.require(r, "framework", "write framework: {kind: sql} or {kind: ingest}") else { return none };
    let Some(mut inner) = r.fields(node, "'framework'") else { return none };
    let Some(kind) = inner.required::<String>(r, "kind", "write sql, ingest, or the name of the framework that runs it") else {
        return none;
    };
    let file = inner.text(r, "file");
    let framework = match known_kind(r, &kind, &inner) {
        Some("ingest") => {
            if let Some(file) = &file {
                let message = "a job of kind ingest has no query";
                r.error(file.span, "does-not-apply", &file.value, message).help =
                    Some("write what it loads under 'from'".to_owned());
            }
            Framework::Ingest(ingest(r, fields, from, kind.span))
        }
        Some("sql") => {
            let default = name.map(|name| Spanned { value: format!("{}.sql", name.value), span: kind.span });
            Framework::Sql(file.or(default).and_then(|file| beside(r, &file)))
        }
        _ => return Framework::External { kind: kind.value, settings: node.to_json() },
    };
    for external in EXTERNAL {
        inner.raw(external);
    }
    inner.finish(r);
    if let (Some(from), Framework::Sql(_)) = (from, &framework) {
        let message = "a job of kind sql reads its sources, not files";
        r.error(from.span, "does-not-apply", "from", message).help = Some("load the files with a job of kind ingest".to_owned());
    }
    framework
}

/// The kind that polder runs itself, if it is one: written, or misspelt where nothing else is said that another's framework needs.
fn known_kind(r: &mut Reader<'_>, kind: &Spanned<String>, framework: &Fields<'_>) -> Option<&'static str> {
    if let Some(known) = KINDS.into_iter().find(|known| known.eq_ignore_ascii_case(&kind.value)) {
        return Some(known);
    }
    let near = suggest::nearest(&kind.value, KINDS)?;
    let foreign = framework.has_any(&EXTERNAL);
    let message = format!("polder runs no framework {:?}, so that this job would only be planned", kind.value);
    let fault = r.error(kind.span, "unknown-value", &kind.value, message);
    fault.help = Some(format!("did you mean '{near}'?"));
    if foreign {
        fault.severity = crate::Severity::Warning;
        return None;
    }
    Some(near)
}

fn ingest(r: &mut Reader<'_>, job: &mut Fields<'_>, from: Option<&Node>, kind: Span) -> Ingest {
    let none = Ingest { source: None, columns: Vec::new() };
    let Some(node) = from else {
        let message = "'from' is missing: the job says not what it loads";
        job.missing_at(r, &["from"], (kind, "ingest"), message, "write from: {files: \"landing/customer/*.csv\"}");
        return none;
    };
    let Some(mut fields) = r.fields(node, "'from'") else { return none };
    let files = fields.required::<String>(r, "files", "write a glob, such as landing/customer/*.csv.gz");
    let formats = [("csv", FileFormat::Csv), ("ndjson", FileFormat::Ndjson), ("parquet", FileFormat::Parquet)];
    let written = fields.raw("format").is_some();
    let format = fields.choice(r, "format", &formats).or_else(|| files.as_ref().and_then(|files| format_of(&files.value)));
    let csv = fields.fields(r, "csv").map(|inner| csv(r, inner)).unwrap_or_default();
    let columns: Vec<(Spanned<String>, String)> = fields
        .entries(r, "columns")
        .iter()
        .filter_map(|entry| {
            Some((Spanned { value: entry.key.to_string(), span: entry.span }, r.text(&entry.value, "a field's name")?.value))
        })
        .collect();
    fields.finish(r);
    if let Some(files) = &files {
        check_files(r, files);
        if format.is_none() && !written && !crate::variables::mentions(&files.value) {
            let message = "'format' is missing, and the files' ending does not tell it";
            r.error(files.span, "missing-key", &files.value, message).help =
                Some("write format: csv, ndjson or parquet".to_owned());
        }
    }
    let names = columns.iter().map(|(column, _)| column.clone()).collect();
    let columns = columns.into_iter().map(|(column, field)| (column.value, field)).collect();
    let source = files.zip(format).map(|(files, format)| FileSource { files: files.value, format, csv, columns });
    Ingest { source, columns: names }
}

/// The format that a file's ending tells.
fn format_of(files: &str) -> Option<FileFormat> {
    let plain = files.strip_suffix(".gz").or_else(|| files.strip_suffix(".zst")).unwrap_or(files);
    match plain.rsplit_once('.')?.1 {
        "csv" => Some(FileFormat::Csv),
        "ndjson" | "jsonl" => Some(FileFormat::Ndjson),
        "parquet" => Some(FileFormat::Parquet),
        _ => None,
    }
}

/// Files lie below the mesh's folder, at an absolute path, or in an object store: never by way of `..`.
fn check_files(r: &mut Reader<'_>, files: &Spanned<String>) {
    let text = &files.value;
    if text.split(['/', '\\']).any(|part| part == "..") || text.contains('\0') {
        let message = format!("{text:?} leads out of the mesh's folder");
        r.error(files.span, "path-escape", text, message).help =
            Some("name files below the folder of polder.yaml, or an absolute path".to_owned());
    } else if let Some((scheme, _)) = text.split_once("://")
        && !["s3", "az", "gs"].contains(&scheme)
    {
        let message = format!("there is no source {scheme}://");
        r.error(files.span, "unknown-value", text, message).help = Some("use s3://, az:// or gs://, or a path".to_owned());
    } else if text.split('/').find(|part| *part != ".") == Some(".polder") {
        let message = "in .polder polder keeps its own state and data: no files to load";
        r.error(files.span, "own-files", text, message).help =
            Some("to read a dataset, write a job of kind sql with the dataset among its sources".to_owned());
    }
}

fn csv(r: &mut Reader<'_>, mut fields: Fields<'_>) -> CsvOptions {
    let default = CsvOptions::default();
    let options = CsvOptions {
        header: fields.flag(r, "header", default.header),
        delimiter: character(r, &mut fields, "delimiter", default.delimiter),
        quote: character(r, &mut fields, "quote", default.quote),
        nulls: fields.list::<String>(r, "nulls").into_iter().map(|text| text.value).collect(),
    };
    let written = fields.get("quote").or_else(|| fields.get("delimiter"));
    if let Some(node) = written.filter(|_| options.delimiter == options.quote) {
        let message =
            format!("{:?} is the delimiter and the quote: no field could be told from the next", options.quote.to_string());
        r.error(node.span, "delimiter-is-quote", &node.offending(), message).help =
            Some("write another 'delimiter' or another 'quote'".to_owned());
    }
    fields.finish(r);
    options
}

fn character(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str, default: char) -> char {
    let Some(text) = fields.text(r, key) else { return default };
    let mut characters = text.value.chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) if only.is_ascii() && only != '\n' && only != '\r' => only,
        (Some('\\'), Some('t')) => '\t',
        _ => {
            let message = format!("'{key}' is one ASCII character, not {:?}", text.value);
            r.error(text.span, "wrong-type", &text.value, message).help = Some("write for example \";\" or \"\\t\"".to_owned());
            default
        }
    }
}

fn write(r: &mut Reader<'_>, fields: &mut Fields<'_>, ingest: bool, place: Span) -> Write {
    let default = if ingest { Mode::Append } else { Mode::Overwrite };
    let span = fields.raw("write").map_or(place, |entry| entry.span);
    let Some(mut inner) = fields.fields(r, "write") else { return Write { mode: default, keys: Vec::new() } };
    let modes = [("append", Mode::Append), ("overwrite", Mode::Overwrite), ("merge", Mode::Merge)];
    let mode = inner.choice(r, "mode", &modes);
    let keys = inner.list::<String>(r, "keys");
    inner.finish(r);
    let mode = mode.unwrap_or(default);
    if mode == Mode::Merge && keys.is_empty() {
        let message = "a merge has keys: the columns by which a row finds the row it replaces";
        r.error(span, "missing-key", "merge", message).help = Some("write keys: [id]".to_owned());
    }
    if let (true, Some(first)) = (mode != Mode::Merge, keys.first()) {
        let message = "keys are of use to mode merge only";
        r.error(first.span, "does-not-apply", &first.value, message).help =
            Some("write mode: merge, or remove the keys".to_owned());
    }
    Write { mode, keys }
}

fn bad_rows(r: &mut Reader<'_>, fields: &mut Fields<'_>, framework: &Framework) -> BadRows {
    let Some(node) = fields.get("badRows") else { return BadRows::Fail };
    let bad_rows = r.choice(node, "'badRows'", &[("fail", BadRows::Fail), ("quarantine", BadRows::Quarantine)]);
    if bad_rows == Some(BadRows::Quarantine) && !matches!(framework, Framework::Ingest(_)) {
        let message = "only loading has rows that do not fit: a query's rows have the sink's types or the job is refused";
        r.error(node.span, "does-not-apply", "quarantine", message).help = Some("remove badRows, or use kind: ingest".to_owned());
        return BadRows::Fail;
    }
    bad_rows.unwrap_or(BadRows::Fail)
}

fn schedule(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text(r, "schedule")?;
    if let Some(problem) = cron::problem(&text.value).filter(|_| !crate::variables::mentions(&text.value)) {
        let help =
            "write minute, hour, day of the month, month, day of the week, such as \"0 6 * * *\" for six every morning (UTC)";
        r.error(text.span, "invalid-schedule", &text.value, problem).help = Some(help.to_owned());
    }
    Some(text.value)
}
