//! What holds for every route of our API, put into its description in one place: how refusals look, which of them any request may
//! meet, and which credentials are taken.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

const REFUSAL: &str = "application/problem+json";
const TOKEN: &str = "token";

/// Refusals that any request may meet.
const ANY: [(&str, &str); 5] = [
    ("401", "The request bears no credentials that are accepted"),
    ("403", "You may not, or the token is not good for this"),
    ("429", "More than is allowed at once"),
    ("503", "The state of the platform cannot be reached now"),
    ("504", "It took longer than this server allows"),
];

/// Refusals that a request with parameters may meet.
const WITH_PARAMETERS: [(&str, &str); 1] = [("400", "A parameter is not valid")];

/// Refusals that a request with a part of the path to fill in may meet.
const BELOW_SOMETHING: [(&str, &str); 1] = [("404", "There is no such thing, or you may not know of it")];

/// Refusals that a request with a body may meet.
const WITH_BODY: [(&str, &str); 3] =
    [("400", "The body is not valid"), ("413", "The body is too large"), ("415", "The body is not JSON")];

/// Refusals that come of an `Idempotency-Key`, which every POST takes.
const POSTED: [(&str, &str); 2] = [
    ("409", "It cannot be done now, or a request with this Idempotency-Key is being worked on"),
    ("422", "It was tried and failed, or the Idempotency-Key was used for another request"),
];

/// Completes the description of every route.
pub(crate) fn complete(mut document: OpenApi) -> OpenApi {
    // What takes the rest of a path is a parameter like others to whoever reads the description.
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (path.replace("{*", "{"), item)).collect();
    for (path, item) in &mut document.paths.paths {
        if let Some(operation) = &mut item.post {
            add(operation, &POSTED);
        }
        for (method, operation) in operations(item) {
            operation.operation_id = Some(name(method, path));
            describe(operation, path.contains('{'));
        }
    }
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A token of polder's, or of the issuer's"));
    document.components.get_or_insert_with(Components::new).add_security_scheme(TOKEN, SecurityScheme::Http(scheme.build()));
    document.security = Some(vec![SecurityRequirement::new(TOKEN, Vec::<String>::new())]);
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let all = [("get", get), ("put", put), ("post", post), ("delete", delete), ("patch", patch)];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// A name that no other route has, for the functions of generated clients: `get_environments_environment_objects_name`.
fn name(method: &str, path: &str) -> String {
    let words = path.trim_start_matches("/api/v1/").split(['/', '-', '{', '}']).filter(|word| !word.is_empty());
    [method].into_iter().chain(words).collect::<Vec<_>>().join("_")
}

fn describe(operation: &mut Operation, below: bool) {
    add(operation, &ANY);
    if operation.parameters.is_some() {
        add(operation, &WITH_PARAMETERS);
    }
    if below {
        add(operation, &BELOW_SOMETHING);
    }
    if operation.request_body.is_some() {
        add(operation, &WITH_BODY);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            response.content = refusal("").content;
        }
    }
}

/// Adds refusals that the route's own description does not tell of.
fn add(operation: &mut Operation, refusals: &[(&str, &str)]) {
    for (status, description) in refusals {
        operation.responses.responses.entry((*status).to_owned()).or_insert_with(|| RefOr::T(refusal(description)));
    }
}

fn refusal(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(REFUSAL, content).build()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_refusal_has_one_form_and_every_route_asks_for_credentials() {
        let document = serde_json::to_value(crate::openapi()).unwrap();
        assert_eq!(document["security"], serde_json::json!([{"token": []}]));
        assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
        let (mut refusals, mut names) = (0, std::collections::BTreeSet::new());
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{method} {path} is called {name}, as another is");
                let responses = operation["responses"].as_object().unwrap();
                for needed in ["401", "403", "429", "503", "504"] {
                    assert!(responses.contains_key(needed), "{method} {path} does not tell of {needed}");
                }
                for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
                    let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
                    assert_eq!(response["content"].as_object().unwrap().len(), 1, "{method} {path} {status}");
                    refusals += 1;
                }
            }
        }
        assert!(refusals > 200, "{refusals}");
    }
}
