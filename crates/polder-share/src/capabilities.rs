//! The header `delta-sharing-capabilities`: in which form a client takes files, and which features of Delta it can read.

use std::collections::BTreeSet;

/// In which form files are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As Parquet files, which need nothing of Delta.
    Parquet,
    /// As actions of a Delta log.
    Delta,
}

impl Form {
    /// The form's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Delta => "delta",
        }
    }
}

/// What a client says it can do. One that says nothing takes Parquet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    forms: Vec<Form>,
    reader_features: BTreeSet<String>,
}

impl Capabilities {
    /// Reads the header: `responseformat=delta,parquet;readerfeatures=deletionvectors,columnmapping`. What is not known is passed over.
    #[must_use]
    pub fn read(header: &str) -> Self {
        let mut capabilities = Self::default();
        for (name, values) in header.split(';').filter_map(|part| part.split_once('=')) {
            let values = values.split(',').map(|value| value.trim().to_ascii_lowercase());
            match name.trim().to_ascii_lowercase().as_str() {
                "responseformat" => capabilities.forms.extend(values.filter_map(|value| match value.as_str() {
                    "delta" => Some(Form::Delta),
                    "parquet" => Some(Form::Parquet),
                    _ => None,
                })),
                "readerfeatures" => capabilities.reader_features.extend(values.filter(|value| !value.is_empty())),
                _ => {}
            }
        }
        capabilities
    }

    /// Chooses the form for a table that needs these reader features. Parquet where it will do, as every client reads it; the delta
    /// form where the client takes nothing else, or the table needs it.
    ///
    /// # Errors
    /// The features that the client lacks.
    pub fn choose(&self, needed: &[String]) -> Result<Form, Vec<String>> {
        let takes = |form| self.forms.contains(&form);
        if needed.is_empty() && (self.forms.is_empty() || takes(Form::Parquet)) {
            return Ok(Form::Parquet);
        }
        let lacks = |feature: &&String| !self.reader_features.contains(&feature.to_ascii_lowercase());
        let lacking: Vec<String> =
            if takes(Form::Delta) { needed.iter().filter(lacks).cloned().collect() } else { needed.to_vec() };
        if lacking.is_empty() { Ok(Form::Delta) } else { Err(lacking) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, needed: &[&str], expect: Result<Form, &[&str]>) {
        let needed: Vec<String> = needed.iter().map(|feature| (*feature).to_owned()).collect();
        let expect = expect.map_err(|features| features.iter().map(|feature| (*feature).to_owned()).collect::<Vec<_>>());
        assert_eq!(Capabilities::read(header).choose(&needed), expect, "{header} {needed:?}");
    }

    #[test]
    fn a_form_is_chosen_that_the_client_reads() {
        check("", &[], Ok(Form::Parquet));
        check("responseformat=delta,parquet;readerfeatures=deletionvectors", &[], Ok(Form::Parquet));
        check("responseFormat=Delta", &[], Ok(Form::Delta));
        check("responseformat=delta,parquet;readerfeatures=DeletionVectors", &["deletionVectors"], Ok(Form::Delta));
        check("responseformat=delta;readerfeatures=columnmapping", &["deletionVectors"], Err(&["deletionVectors"]));
        check("", &["deletionVectors"], Err(&["deletionVectors"]));
        check("responseformat=parquet", &["timestampNtz"], Err(&["timestampNtz"]));
        check(";;=;responseformat", &[], Ok(Form::Parquet));
    }
}
