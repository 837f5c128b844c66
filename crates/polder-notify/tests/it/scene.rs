//! What the tests share: a notice, and a client that may call this machine.

use chrono::{DateTime, Utc};
use polder_notify::{Config, Delivery, Notice, Notifier, Subject};
use polder_outbound::{Outbound, OutboundConfig};
use uuid::Uuid;

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

pub(crate) fn notice(happened: &str, state: &str) -> Notice {
    Notice {
        event: format!("access_request.{happened}"),
        time: at(0),
        tenant: "nonprod".to_owned(),
        environment: "dev".to_owned(),
        actor: Some("olga".to_owned()),
        comment: "fine \"by\" me".to_owned(),
        request: Subject {
            id: "0192f0c1-2222-7333-8444-555555555555".to_owned(),
            dataset: "finance.bronze.customer_v1".to_owned(),
            kind: "table".to_owned(),
            level: "pii".to_owned(),
            requester: "ana".to_owned(),
            beneficiary: "ana".to_owned(),
            purpose: "churn \"model\", größer".to_owned(),
            until: at(86_400),
            state: state.to_owned(),
            approved_by: vec!["olga".to_owned()],
        },
    }
}

pub(crate) fn delivery<'a>(notice: &'a Notice, target: &'a str, ticket: Option<&'a str>) -> Delivery<'a> {
    Delivery { id: Uuid::from_u128(7), target, notice, ticket, created: at(0) }
}

/// One that may call this machine, as the configuration of a test installation would allow.
pub(crate) fn notifier(config: Config) -> Notifier {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    Notifier::new(config, Outbound::new(OutboundConfig { allow, ..OutboundConfig::default() }))
}

/// One that may call what is public, as everyone may.
pub(crate) fn strict(config: Config) -> Notifier {
    Notifier::new(config, Outbound::new(OutboundConfig::default()))
}

/// Settings hold no references in these tests.
pub(crate) fn as_written(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}
