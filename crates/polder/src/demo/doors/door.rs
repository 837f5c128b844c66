//! The doors, one by one.

use super::addresses::{self, DATASET};
use super::files::{self, ICEBERG, SHARED, UNITY};
use super::row::Row;
use super::statements;
use super::visitor::Visitor;

/// A protocol by which the table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Query,
    Unity,
    Pages,
    LookUp,
    Postgres,
    Flight,
    Iceberg,
    Sharing,
}

impl Door {
    /// The one that tells the keys comes before the one that needs them.
    pub(super) const ALL: [Self; 8] =
        [Self::Query, Self::Unity, Self::Pages, Self::LookUp, Self::Postgres, Self::Flight, Self::Iceberg, Self::Sharing];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Query => "query API",
            Self::Unity => "Unity Catalog",
            Self::Pages => "data as JSON",
            Self::LookUp => "look-up by key",
            Self::Postgres => "PostgreSQL",
            Self::Flight => "Arrow Flight SQL",
            Self::Iceberg => "Iceberg REST",
            Self::Sharing => "Delta Sharing",
        }
    }

    /// How it is asked: the address, after the method where it is one of HTTP.
    pub(super) fn asked(self, visitor: &Visitor) -> String {
        let Visitor { server, postgres, name, .. } = visitor;
        match self {
            Self::Query => format!("POST {server}{}", visitor.api.path(&["query"])),
            Self::Unity => format!("GET {server}{UNITY}"),
            Self::Pages => format!("GET {server}{DATASET}"),
            Self::LookUp => format!("POST {server}{DATASET}/lookup"),
            Self::Postgres => format!("postgresql://{name}@{postgres}/{}", visitor.api.environment()),
            Self::Flight => format!("grpc://{}", server.trim_start_matches("http://")),
            Self::Iceberg => format!("POST {server}{ICEBERG}/plan"),
            Self::Sharing => format!("POST {}{SHARED}", visitor.profile.endpoint),
        }
    }

    /// Reads the table. `known` are the rows that the first door gave.
    pub(super) async fn read(self, visitor: &Visitor, known: &[Row]) -> anyhow::Result<Vec<Row>> {
        match self {
            Self::Query => statements::query(visitor).await,
            Self::Unity => files::unity(visitor).await,
            Self::Pages => addresses::pages(visitor).await,
            Self::LookUp => addresses::look_up(visitor, known).await,
            Self::Postgres => statements::postgres(visitor).await,
            Self::Flight => statements::flight(visitor).await,
            Self::Iceberg => files::iceberg(visitor).await,
            Self::Sharing => files::sharing(visitor).await,
        }
    }
}
