//! A record as an event of the Open Cybersecurity Schema Framework: class 6003, API Activity (schema.ocsf.io).

use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value, json};

use crate::audit::AuditRecord;

const SCHEMA_VERSION: &str = "1.3.0";
const CATEGORY: u32 = 6;
const CLASS: u32 = 6003;

/// What was done to something, in the schema's numbers.
#[derive(Clone, Copy)]
enum Activity {
    Create = 1,
    Read = 2,
    Update = 3,
    Delete = 4,
    Other = 99,
}

impl Activity {
    /// The activity of an action, by the first of its words.
    fn of(action: &str) -> Self {
        let first = action.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        match first.to_ascii_lowercase().as_str() {
            "create" | "request" | "grant" | "login" | "register" => Self::Create,
            "read" | "query" | "browse" | "list" | "describe" | "inspect" | "explain" | "export" | "history" => Self::Read,
            "write" | "update" | "patch" | "replace" | "apply" | "run" | "maintain" | "approve" | "reject" | "review"
            | "commit" => Self::Update,
            "delete" | "drop" | "remove" | "revoke" | "destroy" | "logout" => Self::Delete,
            _ => Self::Other,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Read => "Read",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Other => "Other",
        }
    }
}

/// Writes a record as an API Activity event.
pub(super) fn api_activity(record: &AuditRecord) -> Value {
    let event = &record.event;
    let activity = Activity::of(&event.action);
    let number = activity as u32;
    let (status, status_number, severity, severity_number) =
        if event.allowed { ("Success", 1, "Informational", 1) } else { ("Failure", 2, "Low", 2) };
    let mut resource = Map::from_iter([("name".to_owned(), json!(event.securable))]);
    if let Some(environment) = &event.environment {
        resource.insert("namespace".to_owned(), json!(environment.as_str()));
    }
    json!({
        "activity_id": number,
        "activity_name": activity.name(),
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "type_uid": CLASS * 100 + number,
        "type_name": format!("API Activity: {}", activity.name()),
        "time": event.time.timestamp_millis(),
        "severity_id": severity_number,
        "severity": severity,
        "status_id": status_number,
        "status": status,
        "message": event.detail,
        "metadata": {
            "version": SCHEMA_VERSION,
            "product": {"name": "Polder", "vendor_name": "Polder", "version": env!("CARGO_PKG_VERSION")},
            "uid": record.sequence.to_string(),
            "sequence": record.sequence,
            "correlation_uid": event.request_id,
            "log_name": "audit",
        },
        "actor": {
            "user": {"name": event.principal.as_str(), "uid": event.principal.as_str()},
            "app_name": "polder",
        },
        "api": {
            "operation": event.action,
            "request": {"uid": event.request_id},
            "service": {"name": "polder"},
        },
        "src_endpoint": endpoint(&event.source),
        "resources": [resource],
        "unmapped": {
            "authenticated_by": event.authenticated_by,
            "determined_by": event.determined_by,
            "hash": record.hash,
        },
    })
}

/// Where a request came from. The schema asks for something: the command line has no address, and says so by name.
fn endpoint(source: &str) -> Value {
    if source.is_empty() {
        return json!({"name": "local"});
    }
    if let Ok(address) = source.parse::<SocketAddr>() {
        return json!({"ip": address.ip().to_string(), "port": address.port()});
    }
    match source.parse::<IpAddr>() {
        Ok(ip) => json!({"ip": ip.to_string()}),
        Err(_) => json!({"name": source}),
    }
}
