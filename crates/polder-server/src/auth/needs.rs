//! Which scope a token needs for a request: one table, by method and path. What is not in it needs the scope for changes.

use axum::http::Method;
use polder_identity::Scope;

/// The scope that a request needs; `None` where any credentials will do, as the handler looks at them itself. `path` is the route's
/// own, with the names of its parameters in place of what somebody called things; `None` where there is no route.
pub(super) fn scope(method: &Method, path: Option<&str>) -> Option<Scope> {
    if *method == Method::TRACE {
        // No route takes it, and that is what whoever sends it is told.
        return None;
    }
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    // There is nothing behind no route.
    let path = path?;
    let path = path.trim_end_matches('/');
    let (_, last) = path.rsplit_once('/').unwrap_or(("", path));
    let below = |prefix: &str| path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    // Roles and SCIM look at the scopes themselves, as do tokens: one may always look at itself, and be given up.
    if ["/auth", "/oidc", "/scim", "/api/v1/me", "/api/v1/tokens"].into_iter().any(below) {
        return None;
    }
    // A recipient of shares reads those and nothing else. Files are fetched by signed addresses, which are all that it takes.
    if below("/delta-sharing") || below("/environments/{environment}/delta-sharing") {
        return (!path.ends_with("/files/{address}")).then_some(Scope::Share);
    }
    // Rows, but for the documents that describe them.
    if below("/data") || below("/environments/{environment}/data") {
        return Some(if last == "openapi.json" { Scope::Read } else { Scope::Query });
    }
    // Files of a volume. What an address is for is in the body: the handler looks at the rest.
    if below("/api/v1/environments/{environment}/volumes/{volume}") {
        return Some(if reads || last == "addresses" { Scope::Query } else { Scope::Write });
    }
    // Signed addresses of those, which are all that it takes.
    if path == "/files/{address}" {
        return None;
    }
    if below("/api/v1/roles") {
        return Some(Scope::Admin);
    }
    // A table is its files, which are handed out with it.
    if let Some(("", rest) | ("/environments/{environment}", rest)) = path.split_once("/iceberg/v1/") {
        return Some(if rest.contains("{table}") { Scope::Query } else { Scope::Read });
    }
    if below(polder_flight::PREFIX) {
        return Some(Scope::Query);
    }
    match last {
        // What began it is good for ending it: the handler looks.
        "cancel" => None,
        "query" => Some(Scope::Query),
        // What is asked for decides between reading and writing, and is in the body: the handler looks at the rest.
        "temporary-table-credentials" | "temporary-volume-credentials" | "temporary-path-credentials" | "credentials" => {
            Some(Scope::Query)
        }
        "runs" | "commits" | "staging-tables" | "optimize" | "vacuum" if !reads => Some(Scope::Write),
        // Asking is what readers do, and gives nothing; deciding changes who may read.
        "access-requests" => Some(if reads { Scope::Read } else { Scope::Query }),
        _ if reads => Some(Scope::Read),
        // Looking at what files would change is no change.
        "validate" | "plans" => Some(Scope::Read),
        _ => Some(Scope::Apply),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_request_needs_its_scope() {
        let table = [
            ("GET", "/api/v1/environments", Some(Scope::Read)),
            ("GET", "/api/v1/environments/{environment}/objects/{name}", Some(Scope::Read)),
            ("POST", "/api/v1/environments/{environment}/query", Some(Scope::Query)),
            ("POST", "/api/v1/environments/{environment}/runs", Some(Scope::Write)),
            ("GET", "/api/v1/environments/{environment}/runs", Some(Scope::Read)),
            ("POST", "/api/v1/validate", Some(Scope::Read)),
            ("POST", "/api/v1/environments/{environment}/plans", Some(Scope::Read)),
            ("POST", "/api/v1/environments/{environment}/applies", Some(Scope::Apply)),
            ("GET", "/api/v1/environments/{environment}/personal", Some(Scope::Read)),
            ("POST", "/api/v1/environments/{environment}/personal/plans", Some(Scope::Read)),
            ("POST", "/api/v1/environments/{environment}/personal/applies", Some(Scope::Apply)),
            ("DELETE", "/api/v1/environments/{environment}/personal/{prefix}", Some(Scope::Apply)),
            ("GET", "/api/v1/environments/{environment}/access-requests", Some(Scope::Read)),
            ("POST", "/api/v1/environments/{environment}/access-requests", Some(Scope::Query)),
            ("POST", "/api/v1/environments/{environment}/access-requests/{id}/approve", Some(Scope::Apply)),
            ("DELETE", "/api/2.1/unity-catalog/schemas/{full_name}", Some(Scope::Apply)),
            ("POST", "/api/2.1/unity-catalog/temporary-table-credentials", Some(Scope::Query)),
            (
                "GET",
                "/api/2.1/unity-catalog/delta/v1/catalogs/{catalog}/schemas/{schema}/tables/{table}/credentials",
                Some(Scope::Query),
            ),
            ("POST", "/api/2.1/unity-catalog/delta/preview/commits", Some(Scope::Write)),
            ("GET", "/api/2.1/unity-catalog/delta/preview/commits", Some(Scope::Read)),
            ("POST", "/anything/new", Some(Scope::Apply)),
            ("GET", "/api/v1/roles", Some(Scope::Admin)),
            ("PUT", "/api/v1/roles/{principal}/{role}", Some(Scope::Admin)),
            ("GET", "/api/v1/me", None),
            ("DELETE", "/api/v1/tokens/{id}", None),
            ("POST", "/scim/v2/Users", None),
            ("GET", "/api/v1/measures", Some(Scope::Read)),
            ("POST", "/scimitar", Some(Scope::Apply)),
            ("GET", "/data/{domain}/{name}/{version}", Some(Scope::Query)),
            ("GET", "/environments/{environment}/data/{domain}/openapi.json", Some(Scope::Read)),
            ("GET", "/delta-sharing/shares", Some(Scope::Share)),
            ("POST", "/environments/{environment}/delta-sharing/shares/{share}/query", Some(Scope::Share)),
            ("GET", "/delta-sharing/files/{address}", None),
            ("TRACE", "/api/v1/environments", None),
            ("GET", "/api/v1/environments/{environment}/volumes/{volume}/files", Some(Scope::Query)),
            ("HEAD", "/api/v1/environments/{environment}/volumes/{volume}/files/{*path}", Some(Scope::Query)),
            ("PUT", "/api/v1/environments/{environment}/volumes/{volume}/files/{*path}", Some(Scope::Write)),
            ("DELETE", "/api/v1/environments/{environment}/volumes/{volume}/files/{*path}", Some(Scope::Write)),
            ("POST", "/api/v1/environments/{environment}/volumes/{volume}/addresses", Some(Scope::Query)),
            ("PUT", "/files/{address}", None),
            ("GET", "/iceberg/v1/config", Some(Scope::Read)),
            ("GET", "/iceberg/v1/{prefix}/namespaces/{namespace}/tables", Some(Scope::Read)),
            ("GET", "/environments/{environment}/iceberg/v1/{prefix}/namespaces/{namespace}/tables/{table}", Some(Scope::Query)),
            ("POST", "/iceberg/v1/{prefix}/namespaces/{namespace}/tables/{table}/plan", Some(Scope::Query)),
            ("POST", "/arrow.flight.protocol.FlightService/{*rest}", Some(Scope::Query)),
        ];
        for (method, path, expected) in table {
            assert_eq!(scope(&method.parse().unwrap(), Some(path)), expected, "{method} {path}");
        }
    }
}
