use polder_scim::ResourceKind::{Group, User};
use polder_scim::{Filter, Indexed, ResourceKind, ScimType, Scope};
use serde_json::{Map, Value, json};

fn ana() -> Map<String, Value> {
    let Value::Object(ana) = json!({
        "id": "2819c223-7f76-453a-919d-413861904646", "externalId": "Ext-1", "userName": "Ana@Contoso.com", "title": "Ünïcode 名前",
        "name": {"familyName": "O'Malley"}, "active": true, "displayName": "quote \" and \\ slash",
        "emails": [{"type": "work", "value": "ana@contoso.com", "primary": true}, {"type": "home", "value": "ana@home.nl"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Finance", "manager": {"value": "m-1"}},
        "meta": {"resourceType": "User", "lastModified": "2026-01-31T12:00:00.000Z"},
    }) else {
        unreachable!()
    };
    ana
}

fn parse(filter: &str) -> Filter {
    Filter::parse(User, Scope::One, filter).unwrap_or_else(|e| panic!("{filter}: {e}"))
}

#[test]
fn every_operator_holds_where_it_should() {
    for (filter, expect) in [
        (r#"userName eq "ana@contoso.com""#, true),
        (r#"USERNAME EQ "ANA@CONTOSO.COM""#, true),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ana""#, true),
        (r#"userName ne "ana@contoso.com""#, false),
        (r#"userName ne "bo""#, true),
        (r#"nickName ne "bo""#, true),
        (r#"nickName eq null"#, true),
        (r#"nickName ne null"#, false),
        (r#"title eq null"#, false),
        (r#"userName co "CONTOSO""#, true),
        (r#"userName sw "ana""#, true),
        (r#"userName ew ".nl""#, false),
        (r#"userName gt "Ama""#, true),
        (r#"userName le "ana@contoso.com""#, true),
        (r#"userName lt "ana@contoso.com""#, false),
        (r#"externalId eq "ext-1""#, false),
        (r#"externalId eq "Ext-1""#, true),
        (r#"title pr"#, true),
        (r#"nickName pr"#, false),
        (r#"not (nickName pr)"#, true),
        (r#"emails pr"#, true),
        (r#"active eq true"#, true),
        (r#"active eq "False""#, false),
        (r#"emails eq "ana@home.nl""#, true),
        (r#"emails.type eq "home" and emails.value ew "contoso.com""#, true),
        (r#"emails[type eq "home" and value ew "contoso.com"]"#, false),
        (r#"emails[type eq "work" and value co "@contoso"]"#, true),
        (r#"emails[not (type eq "work") and primary pr]"#, false),
        (r#"emails[type eq "work"].value eq "ANA@contoso.com""#, true),
        (r#"emails[type eq "home"].value eq "ana@contoso.com""#, false),
        (r#"emails[type eq "a]b" or type eq "home"].value eq "ana@home.nl" and active eq true"#, true),
        (r#"(emails[type eq "work"].primary eq true) or nickName pr"#, true),
        (r#"emails[type eq "work"].value pr"#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "finance""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "m-1""#, true),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "m-2""#, false),
        (r#"meta.lastModified ge "2026-01-31T13:00:00+01:00""#, true),
        (r#"meta.lastModified gt "2026-01-31T12:00:00Z""#, false),
        (r#"title eq "ünïcode 名前""#, true),
        (r#"title co "\u540d""#, true),
        (r#"displayName eq "QUOTE \" and \\ slash""#, true),
        (r#"name.familyName eq "o'malley""#, true),
        (r#"nickName pr or active eq true and title pr"#, true),
        (r#"(nickName pr or active eq true) and not (title pr)"#, false),
    ] {
        assert_eq!(parse(filter).matches(&ana()), expect, "{filter}");
    }
}

#[test]
fn what_is_no_filter_is_refused() {
    let deep = format!("{}title pr{}", "(".repeat(5000), ")".repeat(5000));
    let nots = format!("{}title pr{}", "not (".repeat(80), ")".repeat(80));
    let wide = vec!["title pr"; 1100].join(" or ");
    let long = format!(r#"title eq "{}""#, "x".repeat(20_000));
    for filter in [
        "",
        "title",
        "title eq",
        "title eq x",
        "title = \"x\"",
        "eq \"x\"",
        "colour eq \"red\"",
        "password eq \"x\"",
        "emails.colour pr",
        "title[value pr]",
        "emails[colour pr]",
        "emails[type eq \"work\"].",
        "emails[type eq \"work\"].value",
        "emails[type eq \"work\"",
        "active gt true",
        "active eq 1",
        "title eq 7",
        "title eq true",
        "name eq \"x\"",
        "meta.lastModified gt \"yesterday\"",
        "userName eq \"x\" or 1=1 --",
        "userName eq \"x' or '1'='1",
        "userName eq \"x\"; drop table users",
        "userName.x.y eq \"x\"",
        &deep,
        &nots,
        &wide,
        &long,
    ] {
        let shown: String = filter.chars().take(60).collect();
        let error = Filter::parse(User, Scope::One, filter).expect_err(&shown);
        assert_eq!((error.status, error.scim_type), (400, Some(ScimType::InvalidFilter)), "{shown}");
        assert!(error.detail.len() < 400, "{shown}: {}", error.detail);
    }
}

#[test]
fn a_hundred_names_in_one_filter_are_fine() {
    let mut names: Vec<_> = (0..100).map(|n| format!("userName eq \"user{n}\"")).collect();
    names.push("userName eq \"ana@contoso.com\"".to_owned());
    assert!(parse(&names.join(" or ")).matches(&ana()));
}

#[test]
fn quotes_and_statements_in_values_are_values() {
    for name in ["x' or '1'='1", "%", "_", "'; drop table users; --", "\u{202e}x", "*"] {
        let filter = format!("userName eq {}", Value::from(name));
        let filter = parse(&filter);
        assert!(!filter.matches(&ana()), "{name}");
        assert_eq!(filter.indexed(), Some((Indexed::UserName, name)));
    }
}

#[test]
fn where_several_kinds_are_searched_an_attribute_of_another_has_no_value() {
    for (filter, expect) in [
        ("members pr", false),
        ("members.value eq \"1\"", false),
        ("members.value ne \"1\"", true),
        ("members eq null", true),
        ("members[value eq \"1\"]", false),
        ("meta.resourceType eq \"User\"", true),
    ] {
        let filter_read = Filter::parse(User, Scope::Several, filter).unwrap();
        assert_eq!(filter_read.matches(&ana()), expect, "{filter}");
        assert_eq!(Filter::parse(User, Scope::One, filter).is_err(), filter.contains("members"), "{filter}");
    }
}

#[test]
fn an_index_answers_what_it_can() {
    let check = |kind: ResourceKind, filter: &str, expect: Option<(Indexed, &str)>| {
        let read = Filter::parse(kind, Scope::One, filter).unwrap();
        assert_eq!(read.indexed(), expect, "{filter}");
    };
    check(User, r#"userName eq "a""#, Some((Indexed::UserName, "a")));
    check(User, r#"active eq true and externalId eq "e" and title pr"#, Some((Indexed::ExternalId, "e")));
    check(Group, r#"id eq "g" and members eq "u""#, Some((Indexed::Id, "g")));
    check(Group, r#"members[value eq "u"]"#, Some((Indexed::Member, "u")));
    check(Group, r#"displayName eq "d""#, Some((Indexed::DisplayName, "d")));
    check(User, r#"userName eq "a" or title pr"#, None);
    check(User, r#"not (userName eq "a")"#, None);
    check(User, r#"userName sw "a""#, None);
    check(User, r#"emails[type eq "work"].value eq "a""#, None);
    check(User, r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "a""#, None);
}
