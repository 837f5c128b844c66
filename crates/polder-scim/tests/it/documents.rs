use polder_scim::ResourceKind::{self, Group, User};
use polder_scim::{ScimType, resource_types, schemas, service_provider_config};
use serde_json::{Value, json};

fn read(kind: ResourceKind, body: Value) -> Value {
    let document = kind.read(&body).unwrap_or_else(|e| panic!("{body}: {e}"));
    serde_json::from_str(&document.to_json()).unwrap()
}

fn refused(kind: ResourceKind, body: Value) -> (Option<ScimType>, String) {
    let error = kind.read(&body).expect_err(&body.to_string());
    assert_eq!(error.status, 400);
    (error.scim_type, error.detail)
}

#[test]
fn names_of_attributes_are_the_same_in_any_case_and_unknown_ones_are_left_out() {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"],
        "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User": {"x": 1},
        "USERNAME": "Ana@contoso.com",
        "Name": {"GivenName": "Ana", "unknown": 1},
        "id": "mine", "meta": {"version": "1"}, "groups": [], "password": "secret", "colour": "red",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:user": {"Department": "Finance", "unknown": true},
    });
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let expect = json!({"userName": "Ana@contoso.com", "name": {"givenName": "Ana"}, enterprise: {"department": "Finance"}});
    assert_eq!(read(User, body), expect);
}

#[test]
fn null_and_nothing_are_no_value() {
    let body = json!({"userName": "a", "title": null, "emails": [], "name": {"givenName": null}, "ims": [null]});
    assert_eq!(read(User, body), json!({"userName": "a"}));
}

#[test]
fn truth_values_may_be_text() {
    for (written, expect) in [(json!("False"), false), (json!("true"), true), (json!(false), false)] {
        assert_eq!(read(User, json!({"userName": "a", "active": written})), json!({"userName": "a", "active": expect}));
    }
}

#[test]
fn values_that_do_not_fit_are_refused() {
    for body in [
        json!({}),
        json!({"userName": ""}),
        json!({"userName": "  "}),
        json!({"userName": 7}),
        json!({"userName": "a\u{0}b"}),
        json!({"userName": "a\nb"}),
        json!({"userName": "a", "externalId": "a\r\nb"}),
        json!({"userName": "a", "title": "a\u{1b}[31m"}),
        json!({"userName": "a", "active": "yes"}),
        json!({"userName": "a", "name": "Ana"}),
        json!({"userName": "a", "emails": [7]}),
        json!({"userName": "a", "title": "x".repeat(70_000)}),
        json!({"userName": "a", "emails": [{"value": "x", "primary": true}, {"value": "y", "primary": true}]}),
    ] {
        assert_eq!(refused(User, body).0, Some(ScimType::InvalidValue));
    }
    assert_eq!(refused(Group, json!({"members": []})).1, "a Group has a displayName");
    assert_eq!(refused(User, json!(["userName"])).0, Some(ScimType::InvalidSyntax));
}

#[test]
fn a_member_is_counted_once_whatever_is_told_of_it() {
    let members = json!([{"value": "1", "$ref": null}, {"value": "1", "type": "User"}, {"value": "2"}]);
    let mut document = Group.read(&json!({"displayName": "g", "members": members})).unwrap();
    assert_eq!(document.take_members().unwrap(), ["1", "2"]);
    assert_eq!(document.take_members().unwrap(), Vec::<String>::new());
    let mut document = Group.read(&json!({"displayName": "g", "members": [{"type": "User"}]})).unwrap();
    assert_eq!(document.take_members().unwrap_err().scim_type, Some(ScimType::InvalidValue));
}

#[test]
fn what_is_advertised_is_what_is_kept() {
    let base = "https://polder.example/scim/v2";
    for schema in schemas(base) {
        let all = schema["attributes"].as_array().unwrap();
        for attribute in all {
            assert!(attribute.get("mutability").is_some_and(|m| m != "writeOnly"), "{attribute}");
            assert!(!attribute.to_string().contains("null"), "{attribute}");
        }
        assert!(all.iter().all(|attribute| attribute["name"] != "password"));
    }
    let names: Vec<_> = resource_types(base).iter().map(|kind| kind["endpoint"].clone()).collect();
    assert_eq!(names, ["/Users", "/Groups"]);
    assert_eq!(service_provider_config(base)["bulk"]["supported"], false);
}
