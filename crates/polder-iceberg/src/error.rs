//! Why a table cannot be shown as Iceberg, or a plan cannot be made.

/// Why something cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The table has something that Iceberg's readers of its files do not know.
    #[error("the table cannot be read as Iceberg: {0}")]
    Unsupported(String),
    /// The log says something that cannot be understood.
    #[error("the table's log cannot be read as Iceberg: {0}")]
    Log(String),
    /// The request asks for what is not there, or cannot be read.
    #[error("{0}")]
    Request(String),
    /// A manifest cannot be written.
    #[error("a manifest cannot be written")]
    Avro(#[from] Box<apache_avro::Error>),
}

impl From<apache_avro::Error> for Error {
    fn from(error: apache_avro::Error) -> Self {
        Self::Avro(Box::new(error))
    }
}
