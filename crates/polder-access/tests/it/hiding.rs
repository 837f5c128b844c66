//! What a caller may not know of is told in the very words for what is not there.

use polder_access::Decision;

use crate::scene::{FINANCE, USE, ask, authorizer, caller, securable};

fn told(added: &str, question: &str) -> String {
    match ask(&authorizer(added), question) {
        Decision::Denied(denial) => denial.to_string(),
        Decision::Allowed(_) => panic!("{question} is allowed"),
    }
}

#[test]
fn a_hidden_object_reads_as_an_absent_one() {
    let absent = "user ana\nuser otto\nservice_principal loader";
    for question in [
        "otto read table finance.bronze.customer_v1",
        "otto write table finance.bronze.customer_v1",
        "otto browse schema finance.bronze",
        "otto create_schema catalog finance",
        "otto read catalog finance",
        "otto read_files volume finance.bronze.scans_v1",
        "loader manage view finance.bronze.adults_v1",
        "stranger read table finance.bronze.customer_v1",
    ] {
        assert_eq!(told(FINANCE, question), told(absent, question), "{question}");
    }
    // The name is all that tells them apart: not the kind, which a caller might try out, nor who asks for what.
    assert_eq!(
        told(FINANCE, "otto read view finance.bronze.customer_v1"),
        "there is no finance.bronze.customer_v1, or you may not know of it"
    );
    assert_eq!(
        told(FINANCE, "otto read table finance.bronze.adults_v1"),
        told(FINANCE, "loader write view finance.bronze.adults_v1")
    );
}

#[test]
fn a_denial_says_what_is_missing_and_whom_to_ask() {
    let mesh = format!("{FINANCE}{USE}grant browse on catalog finance to everyone");
    let cases = [
        (
            "ana read table finance.bronze.customer_v1",
            "user ana may not read table finance.bronze.customer_v1: missing SELECT on table finance.bronze.customer_v1; \
             ask its owner, owners, to grant it to a group you are in",
        ),
        (
            "otto read table finance.bronze.customer_v1",
            "user otto may not read table finance.bronze.customer_v1: missing USE CATALOG on catalog finance and \
             USE SCHEMA on schema finance.bronze and SELECT on table finance.bronze.customer_v1; \
             ask its owner, owners, to grant it to a group you are in",
        ),
        (
            "loader manage metastore",
            "service principal loader may not manage metastore: missing MANAGE on metastore; \
             ask an account admin to grant it to a group you are in",
        ),
        ("ana read schema finance.bronze", "user ana may not read schema finance.bronze: that cannot be done with a schema"),
    ];
    for (question, expected) in cases {
        assert_eq!(told(&mesh, question), expected);
    }
}

#[test]
fn what_may_be_browsed_is_visible_and_nothing_else() {
    let mesh = format!(
        "{FINANCE}{USE}grant select on table finance.bronze.rates_v1 to analysts\nview finance.bronze.own_v1 owned by otto: a"
    );
    let authorizer = authorizer(&mesh);
    let all = [
        "catalog finance",
        "schema finance.bronze",
        "table finance.bronze.customer_v1",
        "table finance.bronze.rates_v1",
        "view finance.bronze.own_v1",
        "table finance.bronze.none_v1",
    ];
    let cases = [
        ("olga", vec![0, 1, 2, 3, 4]),
        ("admin", vec![0, 1, 2, 3, 4]),
        ("ana", vec![0, 1, 3]),
        ("otto", vec![0, 1, 4]),
        ("loader", vec![]),
        ("stranger", vec![]),
    ];
    for (who, expected) in cases {
        let who = caller(&authorizer, who);
        let seen: Vec<usize> = (0..all.len()).filter(|&i| authorizer.visible(&who, &securable(all[i]))).collect();
        assert_eq!(seen, expected, "{}", who.principal);
        for text in all {
            let browsed = authorizer.authorize(&who, polder_access::Action::Browse, &securable(text)).is_allowed();
            assert_eq!(browsed, authorizer.visible(&who, &securable(text)), "{} {text}", who.principal);
        }
    }
}
