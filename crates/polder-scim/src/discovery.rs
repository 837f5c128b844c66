//! What the service says of itself (RFC 7643, section 5 to 7): no more than it does.

use serde_json::{Map, Value, json};

use crate::kind::ResourceKind;
use crate::query::MAX_RESULTS;
use crate::schema::{Attribute, Schema};

/// The service provider's configuration. `base` is the URL of the service, without a slash at its end.
#[must_use]
pub fn service_provider_config(base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": MAX_RESULTS},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "a token with the scope `scim`, or one of an account admin, in the Authorization header",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig", "location": format!("{base}/ServiceProviderConfig")},
    })
}

/// The kinds of resource.
#[must_use]
pub fn resource_types(base: &str) -> Vec<Map<String, Value>> {
    ResourceKind::ALL.into_iter().map(|kind| fields(resource_type(kind, base))).collect()
}

/// The schemas that the kinds use.
#[must_use]
pub fn schemas(base: &str) -> Vec<Map<String, Value>> {
    let used = ResourceKind::ALL.into_iter().flat_map(|kind| [Some(kind.schema()), kind.extension()]).flatten();
    used.map(|schema| fields(describe(schema, base))).collect()
}

fn resource_type(kind: ResourceKind, base: &str) -> Value {
    let mut described = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": kind.as_str(),
        "name": kind.as_str(),
        "description": kind.schema().description,
        "endpoint": format!("/{}", kind.endpoint()),
        "schema": kind.schema().id,
        "meta": {"resourceType": "ResourceType", "location": format!("{base}/ResourceTypes/{}", kind.as_str())},
    });
    if let Some(extension) = kind.extension() {
        described["schemaExtensions"] = json!([{"schema": extension.id, "required": false}]);
    }
    described
}

fn describe(schema: &Schema, base: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": schema.attributes.iter().map(Attribute::describe).collect::<Vec<_>>(),
        "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{}", schema.id)},
    })
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
