//! `polder describe`: the columns of a table, view or volume.

use std::fmt::Write;

use polder_api::{ObjectSummary, Rows};
use polder_model::resource::RowFilter;

use crate::context::Context;
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form, plain};

/// Show what a table, view or volume is and which columns it has
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder describe finance.bronze.customer_v1
  polder describe finance/customer/v1 --as ana")]
pub(crate) struct Args {
    /// Its name: catalog.schema.table, or domain/dataset/version
    name: String,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let object = context.block_on(async { context.client().await?.describe(&self.name).await })?;
        match self.output {
            Form::Text => render::text(&text(&object))?,
            Form::Json => render::json(&object)?,
        }
        Ok(Exit::Ok)
    }
}

/// The object and its columns.
pub(crate) fn text(object: &ObjectSummary) -> String {
    let mut text = format!("{} {}\n", object.kind, object.name);
    let mut line = |heading: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "{heading:<11} {}", plain::line(value)).expect("a string takes any text");
        }
    };
    line("owner", object.owner.as_str());
    line("comment", &object.comment);
    line("location", object.location.as_deref().unwrap_or_default());
    line("partitioned", &object.partition_columns.join(", "));
    line("checks", &object.checks.join(", "));
    line("rows", object.rows.map_or("", rows_words));
    for column in &object.columns {
        if let Some(measure) = &column.measure {
            line("measure", &format!("{} = {measure}", column.name));
        }
    }
    for RowFilter { group, condition } in &object.row_filters {
        line("row filter", &format!("{group} sees rows where {condition}"));
    }
    if !object.columns.is_empty() {
        let mut listing = Listing::new(["column", "type", "missing", "tags", "you see", "description"]);
        for column in &object.columns {
            let missing = if column.optional { "may be" } else { "never" };
            let you_see = column.mask.as_deref().map_or_else(|| "values".to_owned(), |mask| format!("{mask} mask"));
            let (name, data_type) = (column.name.clone(), column.data_type.clone());
            listing.row([name, data_type, missing.to_owned(), column.tags.join(" "), you_see, column.description.clone()]);
        }
        text.push('\n');
        text.push_str(&listing.text());
    }
    text
}

const fn rows_words(rows: Rows) -> &'static str {
    match rows {
        Rows::All => "you see all",
        Rows::Filtered => "you see those that a row filter lets through",
        Rows::None => "you see none",
    }
}
