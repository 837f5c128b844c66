use std::collections::BTreeMap;

use polder_notify::{Config, SendError, TicketConfig};
use serde_json::json;

use crate::receiver::Receiver;
use crate::scene::{as_written, at, delivery, notice, notifier};

/// Jira's REST API, version 3, as docs/access-requests.md shows it.
fn jira(base: &str) -> BTreeMap<String, String> {
    let paragraph = |name: &str| {
        json!({"type": "doc", "version": 1,
               "content": [{"type": "paragraph", "content": [{"type": "text", "text": format!("{{{{{name}}}}}")}]}]})
    };
    let create = json!({"fields": {
        "project": {"key": "DATA"}, "issuetype": {"name": "Task"}, "summary": "{{summary}}",
        "description": paragraph("description"), "labels": ["polder", "{{level}}"],
    }});
    let text = |value: serde_json::Value| value.to_string();
    [
        ("createUrl", format!("{base}/rest/api/3/issue")),
        ("createBody", text(create)),
        ("idPath", "/key".to_owned()),
        ("updateUrl", format!("{base}/rest/api/3/issue/{{{{ticket}}}}/comment")),
        ("updateBody", text(json!({"body": paragraph("description")}))),
        ("closeUrl", format!("{base}/rest/api/3/issue/{{{{ticket}}}}/transitions")),
        ("closeBody", text(json!({"transition": {"id": "31"}}))),
        ("user", "polder@example.com".to_owned()),
        ("password", "api-token".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

fn read(settings: &BTreeMap<String, String>) -> Config {
    Config { tickets: Some(TicketConfig::read(settings, &as_written).unwrap()), ..Config::default() }
}

#[tokio::test]
async fn a_ticket_is_created_told_and_closed_in_the_form_of_jira() {
    let receiver = Receiver::answering(&[(201, r#"{"id":"10001","key":"DATA-7","self":"x"}"#), (201, "{}"), (204, "")]).await;
    let notifier = notifier(read(&jira(&receiver.url(""))));
    let send = async |happened: &str, state: &str, ticket: Option<&str>| {
        notifier.send(delivery(&notice(happened, state), "tickets", ticket), at(0)).await.unwrap()
    };
    assert_eq!(send("requested", "requested", None).await.as_deref(), Some("DATA-7"));
    assert_eq!(send("approved", "approved", Some("DATA-7")).await, None);
    assert_eq!(send("expired", "expired", Some("DATA-7")).await, None);
    // Of a ticket that never was, nothing needs to be closed.
    assert_eq!(send("expired", "expired", None).await, None);

    let got = receiver.got();
    let told: Vec<String> = got.iter().map(|one| format!("{} {}", one.method, one.uri)).collect();
    assert_eq!(
        told,
        ["POST /rest/api/3/issue", "POST /rest/api/3/issue/DATA-7/comment", "POST /rest/api/3/issue/DATA-7/transitions",]
    );
    assert_eq!(got[0].header("authorization"), "Basic cG9sZGVyQGV4YW1wbGUuY29tOmFwaS10b2tlbg==");
    let fields = &got[0].json()["fields"];
    assert_eq!(fields["summary"], "Access requested: finance.bronze.customer_v1 (pii) for ana in dev");
    assert_eq!(fields["labels"], json!(["polder", "pii"]));
    let description = fields["description"]["content"][0]["content"][0]["text"].as_str().unwrap();
    assert!(description.contains("Purpose:     churn \"model\", größer"), "{description}");
    assert_eq!(got[2].json(), json!({"transition": {"id": "31"}}));
}

#[tokio::test]
async fn what_people_write_stays_a_value_in_urls_and_bodies() {
    let receiver = Receiver::answering(&[(200, r#"{"result":{"number":42}}"#)]).await;
    let settings = [
        ("createMethod", "put".to_owned()),
        ("createUrl", receiver.url("/t/{{comment}}/{{actor}}?q={{purpose}}")),
        ("createBody", json!({"a": "{{comment}} and {{purpose}}", "{{event}}": [1, true, "{{ event }}"]}).to_string()),
        ("idPath", "/result/number".to_owned()),
        ("token", "t0ken".to_owned()),
    ];
    let settings = settings.map(|(key, value)| (key.to_owned(), value)).into();
    let mut notice = notice("requested", "requested");
    notice.comment = "../../admin?x=1&y=#z\"},{\"a\":\"{{ticket}}".to_owned();
    notice.actor = Some("..".to_owned());
    notice.request.purpose = "\\\" ünïcode\u{2028}".to_owned();
    let ticket = notifier(read(&settings)).send(delivery(&notice, "tickets", None), at(0)).await.unwrap();
    assert_eq!(ticket.as_deref(), Some("42"));
    let got = &receiver.got()[0];
    assert_eq!(got.method, "PUT");
    assert_eq!(
        got.uri.to_string(),
        "/t/..%2F..%2Fadmin%3Fx%3D1%26y%3D%23z%22%7D%2C%7B%22a%22%3A%22%7B%7Bticket%7D%7D/_?q=%5C%22%20%C3%BCn%C3%AFcode%E2%80%A8"
    );
    let (comment, purpose) = (&notice.comment, &notice.request.purpose);
    assert_eq!(got.json(), json!({"a": format!("{comment} and {purpose}"), "{{event}}": [1, true, "requested"]}));
    assert_eq!(got.header("authorization"), "Bearer t0ken");
}

#[tokio::test]
async fn an_answer_without_the_ticket_is_told_and_not_repeated() {
    for body in ["", "[]", r#"{"key":null}"#, r#"{"key":""}"#, r#"{"key":{"a":1}}"#, "{\"key\":\"a\\nb\"}"] {
        let receiver = Receiver::answering(&[(201, body)]).await;
        let failed = notifier(read(&jira(&receiver.url(""))))
            .send(delivery(&notice("requested", "requested"), "tickets", None), at(0))
            .await
            .unwrap_err();
        assert!(matches!(failed, SendError::NoTicket { .. }) && !failed.may_pass(), "{body}: {failed}");
    }
}

#[test]
fn settings_that_do_not_hold_are_told() {
    let fault = |change: &dyn Fn(&mut BTreeMap<String, String>)| {
        let mut settings = jira("https://example.atlassian.net");
        change(&mut settings);
        TicketConfig::read(&settings, &as_written).unwrap_err().to_string()
    };
    let set =
        |key: &'static str, value: &'static str| fault(&move |settings| drop(settings.insert(key.to_owned(), value.to_owned())));
    assert!(set("createBdy", "x").starts_with("tickets: there is no setting \"createBdy\": known are createMethod"));
    assert!(set("createBody", "{").starts_with("tickets: createBody is not JSON"));
    assert!(
        set("updateUrl", "https://x/{{tickets}}").starts_with("tickets: updateUrl uses {{tickets}}, and there are only event")
    );
    assert_eq!(set("idPath", "key"), "tickets: idPath is a JSON pointer, such as /key");
    assert_eq!(fault(&|settings| drop(settings.remove("createUrl"))), "tickets: createUrl is missing");
    assert_eq!(fault(&|settings| drop(settings.remove("password"))), "tickets: password is missing");
}
