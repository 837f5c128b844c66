use polder_scim::ResourceKind::User;
use polder_scim::{Document, ListQuery, MemberRef, Projection, Representation, ResourceKind, Sort, Window, if_match};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn shown() -> Map<String, Value> {
    let document = json!({
        "userName": "ana", "name": {"givenName": "Ana", "familyName": "Bo"}, "emails": [{"value": "a", "type": "work"}, {"type": "home"}],
        ENTERPRISE: {"department": "Finance", "manager": {"value": "m", "$ref": "r"}},
    });
    let document = Document::from_json(&document.to_string()).unwrap();
    let group = MemberRef { kind: ResourceKind::Group, id: Uuid::nil(), display: Some("Data".to_owned()) };
    let time = chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let shown = Representation {
        kind: User,
        id: Uuid::nil(),
        version: 3,
        created: time,
        modified: time,
        document: &document,
        members: &[group],
    };
    shown.to_json("https://x.nl/scim/v2")
}

#[test]
fn a_resource_is_shown_with_where_it_is_and_its_version() {
    let shown = shown();
    assert_eq!(shown["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE]));
    assert_eq!(shown["meta"]["version"], "W/\"3\"");
    assert_eq!(shown["meta"]["created"], "2023-11-14T22:13:20.000Z");
    assert_eq!(shown["meta"]["location"], format!("https://x.nl/scim/v2/Users/{}", Uuid::nil()));
    let group = format!("https://x.nl/scim/v2/Groups/{}", Uuid::nil());
    assert_eq!(shown["groups"], json!([{"value": Uuid::nil(), "$ref": group, "display": "Data", "type": "direct"}]));
}

#[test]
fn answers_hold_what_is_asked_for() {
    let check = |attributes: Option<&str>, excluded: Option<&str>, expect: &str| {
        let shown = Projection::new(attributes, excluded).of(User, shown());
        let mut shown = Value::from(shown);
        for left in ["schemas", "id"] {
            assert!(shown.as_object_mut().unwrap().shift_remove(left).is_some(), "{left}");
        }
        shown.as_object_mut().unwrap().shift_remove("meta");
        shown.as_object_mut().unwrap().shift_remove("groups");
        assert_eq!(shown.to_string(), expect, "{attributes:?} {excluded:?}");
    };
    check(Some("USERNAME"), None, r#"{"userName":"ana"}"#);
    check(Some("userName, name.givenName,colour"), None, r#"{"userName":"ana","name":{"givenName":"Ana"}}"#);
    check(Some("emails.value"), None, r#"{"emails":[{"value":"a"}]}"#);
    check(Some(&format!("{ENTERPRISE}:department")), None, &format!(r#"{{"{ENTERPRISE}":{{"department":"Finance"}}}}"#));
    check(Some(&format!("{ENTERPRISE}:manager.value")), None, &format!(r#"{{"{ENTERPRISE}":{{"manager":{{"value":"m"}}}}}}"#));
    check(Some("colour"), None, "{}");
    let without = |names: &str| format!("name,emails,{names}");
    check(None, Some(&without(ENTERPRISE)), r#"{"userName":"ana"}"#);
    check(None, Some(&without(&format!("id,schemas,userName,{ENTERPRISE}"))), "{}");
    check(
        None,
        Some(&format!("name.givenName,name.familyName,emails.type,{ENTERPRISE}")),
        r#"{"userName":"ana","emails":[{"value":"a"},{}]}"#,
    );
    let all = Projection::default();
    assert!(all.includes(User, "groups"));
    assert!(!Projection::new(None, Some("groups")).includes(User, "groups"));
    assert!(Projection::new(None, Some("groups.display")).includes(User, "groups"));
    assert!(!Projection::new(Some("userName"), None).includes(User, "groups"));
    assert!(Projection::new(Some("groups.value"), None).includes(User, "groups"));
}

#[test]
fn windows_are_read_as_the_standard_says() {
    let check = |parameters: &[(&str, &str)], expect: Option<(u64, u64)>| {
        let query = ListQuery::of_parameters(parameters.iter().copied()).ok();
        assert_eq!(query.map(|query| (query.window.start, query.window.count)), expect, "{parameters:?}");
    };
    check(&[], Some((1, 100)));
    check(&[("startIndex", "0"), ("count", "-7")], Some((1, 0)));
    check(&[("startIndex", "-3"), ("count", "99999")], Some((1, 1000)));
    check(&[("startIndex", "5"), ("count", "2"), ("aadOptscim062020", ""), ("x", "y")], Some((5, 2)));
    check(&[("count", "many")], None);
    check(&[("count", "1e3")], None);
    check(&[("sortOrder", "sideways")], None);
    let query =
        ListQuery::of_search(&json!({"count": 5, "attributes": ["userName"], "excludedAttributes": "a,b", "sortBy": "userName"}));
    let query = query.unwrap();
    assert_eq!(query.window, Window { start: 1, count: 5 });
    assert!(query.sort.is_some());
    assert!(query.projection.includes(User, "userName") && !query.projection.includes(User, "title"));
    for body in [json!([]), json!({"count": "x"}), json!({"filter": 7}), json!({"attributes": [7]})] {
        assert!(ListQuery::of_search(&body).is_err(), "{body}");
    }
}

#[test]
fn lists_are_sorted_with_what_has_no_value_at_the_end() {
    let users: Vec<Map<String, Value>> = [json!({"userName": "Bo"}), json!({}), json!({"userName": "ana"})]
        .into_iter()
        .map(|user| user.as_object().unwrap().clone())
        .collect();
    let check = |by: &str, order: &str, expect: Option<&str>| {
        let query = ListQuery::of_parameters([("sortBy", by), ("sortOrder", order)]).unwrap();
        let mut sorted = users.clone();
        let done = Sort::sort(&query.sort.unwrap(), &mut sorted, |user| (User, user));
        let names: Vec<_> = sorted.iter().map(|user| user.get("userName").and_then(Value::as_str).unwrap_or("-")).collect();
        assert_eq!(done.is_ok().then(|| names.join(" ")).as_deref(), expect, "{by} {order}");
    };
    check("userName", "ascending", Some("ana Bo -"));
    check("urn:ietf:params:scim:schemas:core:2.0:User:username", "descending", Some("- Bo ana"));
    check("colour", "ascending", None);
    check("name", "ascending", None);
}

#[test]
fn a_change_for_another_version_is_refused() {
    for (header, expect) in [
        (None, true),
        (Some("*"), true),
        (Some("W/\"7\""), true),
        (Some("\"7\""), true),
        (Some("W/\"6\", W/\"7\""), true),
        (Some("W/\"6\""), false),
        (Some(""), false),
        (Some("W/\"77\""), false),
    ] {
        assert_eq!(if_match(header, 7).is_ok(), expect, "{header:?}");
        assert_eq!(if_match(header, 7).err().map(|e| e.status), (!expect).then_some(412), "{header:?}");
    }
}
