use polder_scim::ResourceKind::{self, Group, User};
use polder_scim::{Document, Patch, ScimType};
use serde_json::{Value, json};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn user() -> Value {
    json!({
        "userName": "ana", "name": {"givenName": "Ana", "familyName": "Bo"}, "active": true,
        "emails": [{"value": "ana@work.nl", "type": "work", "primary": true}, {"value": "ana@home.nl", "type": "home"}],
        ENTERPRISE: {"department": "Finance", "manager": {"value": "m"}},
    })
}

fn apply(kind: ResourceKind, document: &Value, operations: Value) -> Result<Value, (u16, Option<ScimType>)> {
    let document = Document::from_json(&document.to_string()).unwrap();
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    let changed = Patch::read(kind, &body).and_then(|patch| patch.apply(&document));
    changed.map(|changed| serde_json::from_str(&changed.to_json()).unwrap()).map_err(|e| (e.status, e.scim_type))
}

/// Applies the operations to the user; `expect` are the attributes that differ afterwards, null for those that are gone.
fn check(operations: Value, expect: Value) {
    let mut wanted = user();
    for (name, value) in expect.as_object().unwrap() {
        match value {
            Value::Null => drop(wanted.as_object_mut().unwrap().remove(name)),
            value => wanted[name] = value.clone(),
        }
    }
    let found = apply(User, &user(), operations.clone()).unwrap_or_else(|e| panic!("{operations}: {e:?}"));
    assert_eq!(found, wanted, "{operations}");
}

fn refused(operations: Value, expect: ScimType) {
    assert_eq!(apply(User, &user(), operations.clone()), Err((400, Some(expect))), "{operations}");
}

#[test]
fn values_are_added_replaced_and_removed() {
    check(json!([{"op": "add", "path": "title", "value": "Dr"}]), json!({"title": "Dr"}));
    check(json!([{"op": "replace", "path": "userName", "value": "bo"}]), json!({"userName": "bo"}));
    check(json!([{"op": "remove", "path": "active"}]), json!({"active": null}));
    check(json!([{"op": "replace", "path": "title", "value": null}]), json!({}));
    check(
        json!([{"op": "add", "path": "name", "value": {"givenName": "Bo", "middleName": "X"}}]),
        json!({"name": {"givenName": "Bo", "familyName": "Bo", "middleName": "X"}}),
    );
    check(json!([{"op": "remove", "path": "name.givenName"}]), json!({"name": {"familyName": "Bo"}}));
    check(json!([{"op": "remove", "path": "name"}]), json!({"name": null}));
    check(
        json!([{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}]),
        json!({"name": null}),
    );
}

#[test]
fn lists_gain_values_once_and_have_one_primary() {
    let home = json!({"value": "ana@home.nl", "type": "home"});
    check(json!([{"op": "add", "path": "emails", "value": [home]}]), json!({}));
    check(
        json!([{"op": "add", "path": "emails", "value": {"value": "x@y.nl", "primary": true}}]),
        json!({"emails": [
            {"value": "ana@work.nl", "type": "work", "primary": false}, home, {"value": "x@y.nl", "primary": true},
        ]}),
    );
    check(json!([{"op": "replace", "path": "emails", "value": [home]}]), json!({"emails": [home]}));
    check(json!([{"op": "replace", "path": "emails", "value": []}]), json!({"emails": null}));
    check(
        json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": "True"}]),
        json!({"emails": [
            {"value": "ana@work.nl", "type": "work", "primary": false}, {"value": "ana@home.nl", "type": "home", "primary": true},
        ]}),
    );
}

#[test]
fn values_that_fit_a_filter_change_and_others_do_not() {
    let work = json!({"value": "ana@work.nl", "type": "work", "primary": true});
    check(
        json!([{"op": "Replace", "path": "emails[type eq \"home\"].value", "value": "new@home.nl"}]),
        json!({"emails": [work, {"value": "new@home.nl", "type": "home"}]}),
    );
    check(json!([{"op": "Remove", "path": "emails[type eq \"home\"]"}]), json!({"emails": [work]}));
    check(json!([{"op": "remove", "path": "emails[type eq \"other\"]"}]), json!({}));
    check(
        json!([{"op": "remove", "path": "emails[value ew \".nl\" and not (primary eq true)].type"}]),
        json!({"emails": [work, {"value": "ana@home.nl"}]}),
    );
    check(
        json!([{"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+31 6"}]),
        json!({"phoneNumbers": [{"type": "mobile", "value": "+31 6"}]}),
    );
    check(
        json!([{"op": "Replace", "path": "roles[primary eq \"True\"].value", "value": "clerk"}]),
        json!({"roles": [{"primary": true, "value": "clerk"}]}),
    );
    refused(json!([{"op": "replace", "path": "emails[type sw \"mob\"].value", "value": "x"}]), ScimType::NoTarget);
}

#[test]
fn extensions_are_reached_by_their_names() {
    let enterprise = |fields: Value| json!({ENTERPRISE: fields});
    let department = format!("{ENTERPRISE}:department");
    check(
        json!([{"op": "Replace", "path": department, "value": "Sales"}]),
        enterprise(json!({"department": "Sales", "manager": {"value": "m"}})),
    );
    check(json!([{"op": "remove", "path": department}]), enterprise(json!({"manager": {"value": "m"}})));
    check(json!([{"op": "remove", "path": ENTERPRISE}]), enterprise(Value::Null));
    check(
        json!([{"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "n"}]),
        enterprise(json!({"department": "Finance", "manager": {"value": "n"}})),
    );
    check(
        json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager.value"), "value": "n"}]),
        enterprise(json!({"department": "Finance", "manager": {"value": "n"}})),
    );
    check(
        json!([{"op": "add", "path": ENTERPRISE, "value": {"division": "D", "department": null}}]),
        enterprise(json!({"department": "Finance", "manager": {"value": "m"}, "division": "D"})),
    );
}

#[test]
fn a_value_without_a_path_has_paths_as_keys() {
    check(json!([{"op": "Replace", "value": {"active": "False"}}]), json!({"active": false}));
    check(
        json!([{"op": "replace", "value": {
            "id": "x", "schemas": [], "groups": [], "colour": "red", "password": "p",
            "name.givenName": "Bo", "emails[type eq \"work\"].value": "bo@work.nl", format!("{ENTERPRISE}:department"): "Sales",
            "displayName": "Bo",
        }}]),
        json!({
            "name": {"givenName": "Bo", "familyName": "Bo"}, "displayName": "Bo",
            "emails": [{"value": "bo@work.nl", "type": "work", "primary": true}, {"value": "ana@home.nl", "type": "home"}],
            ENTERPRISE: {"department": "Sales", "manager": {"value": "m"}},
        }),
    );
    check(
        json!([{"op": "add", "value": {ENTERPRISE: {"division": "D"}}}]),
        json!({ENTERPRISE: {"department": "Finance", "manager": {"value": "m"}, "division": "D"}}),
    );
}

#[test]
fn members_come_and_go_in_every_way_that_clients_say_it() {
    let group = json!({"displayName": "g", "members": [{"value": "1"}, {"value": "2"}]});
    let check = |operation: Value, expect: &[&str]| {
        let found = apply(Group, &group, json!([operation])).unwrap_or_else(|e| panic!("{operation}: {e:?}"));
        let members = found.get("members").and_then(Value::as_array).cloned().unwrap_or_default();
        let ids: Vec<_> = members.iter().map(|member| member["value"].as_str().unwrap()).collect();
        assert_eq!(ids, expect, "{operation}");
    };
    check(json!({"op": "Add", "path": "members", "value": [{"$ref": null, "value": "3"}]}), &["1", "2", "3"]);
    check(json!({"op": "add", "path": "members", "value": [{"value": "2", "type": "User"}]}), &["1", "2"]);
    check(json!({"op": "Remove", "path": "members", "value": [{"value": "1"}]}), &["2"]);
    check(json!({"op": "Remove", "path": "members", "value": [{"value": "1", "$ref": null}, {"value": "9"}]}), &["2"]);
    check(json!({"op": "Remove", "path": "members[value eq \"1\"]"}), &["2"]);
    check(json!({"op": "remove", "path": "members[value eq \"9\"]"}), &["1", "2"]);
    check(json!({"op": "remove", "path": "members"}), &[]);
    check(json!({"op": "replace", "path": "members", "value": [{"value": "3"}]}), &["3"]);
    check(json!({"op": "replace", "value": {"members": [{"value": "3", "display": "x"}]}}), &["3"]);
    check(json!({"op": "replace", "value": {"id": "x", "displayName": "h"}}), &["1", "2"]);
    let changed = apply(Group, &group, json!([{"op": "replace", "path": "members[value eq \"1\"].value", "value": "9"}]));
    assert_eq!(changed, Err((400, Some(ScimType::Mutability))));
}

#[test]
fn what_cannot_be_changed_is_refused() {
    refused(json!([{"op": "replace", "path": "id", "value": "x"}]), ScimType::Mutability);
    refused(json!([{"op": "add", "path": "groups", "value": [{"value": "g"}]}]), ScimType::Mutability);
    refused(json!([{"op": "replace", "path": "meta.version", "value": "x"}]), ScimType::Mutability);
    refused(json!([{"op": "remove", "path": "userName"}]), ScimType::Mutability);
    refused(json!([{"op": "replace", "path": "userName", "value": ""}]), ScimType::InvalidValue);
    refused(json!([{"op": "replace", "path": "active", "value": "perhaps"}]), ScimType::InvalidValue);
    refused(json!([{"op": "remove"}]), ScimType::NoTarget);
    refused(json!([{"op": "add", "value": "x"}]), ScimType::InvalidSyntax);
    refused(json!([{"op": "move", "path": "title"}]), ScimType::InvalidSyntax);
    refused(json!([{"path": "title"}]), ScimType::InvalidSyntax);
    refused(json!([]), ScimType::InvalidSyntax);
    refused(json!({}), ScimType::InvalidSyntax);
    refused(json!([7]), ScimType::InvalidSyntax);
    refused(json!(vec![json!({"op": "remove", "path": "title"}); 1001]), ScimType::InvalidSyntax);
    for path in ["colour", "name.colour", "title.x", "title[value eq \"x\"]", "emails[", "emails[x eq 1]", "urn:x:y", "", "'"] {
        let found = apply(User, &user(), json!([{"op": "replace", "path": path, "value": "x"}]));
        let (status, _) = found.expect_err(path);
        assert_eq!(status, 400, "{path}");
    }
    let deep = format!("emails[{}type pr{}]", "(".repeat(1000), ")".repeat(1000));
    refused(json!([{"op": "remove", "path": deep}]), ScimType::InvalidPath);
}

#[test]
fn ten_thousand_members_are_added_to_as_many_without_a_wait() {
    let members = |from: usize| (from..from + 10_000).map(|n| json!({"value": n.to_string()})).collect::<Vec<_>>();
    let group = json!({"displayName": "g", "members": members(0)});
    let started = std::time::Instant::now();
    let found = apply(Group, &group, json!([{"op": "add", "path": "members", "value": members(5_000)}])).unwrap();
    assert_eq!(found["members"].as_array().unwrap().len(), 15_000);
    // Comparing each with each would be a hundred million comparisons.
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
