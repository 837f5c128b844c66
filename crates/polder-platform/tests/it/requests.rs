//! Access on request, from the refusal to the end of what was given.

use chrono::{TimeDelta, Utc};
use polder_api::{AccessAct, AccessLevel, AccessQuery, AccessRequest, AccessState};
use polder_platform::{Apply, Error, ErrorKind, Platform, validate};
use polder_store::{IdentityChange, Store, UserContent};
use uuid::Uuid;

use crate::mesh::{Mesh, TABLE, desk, names, wish};

async fn decide(platform: &Platform, id: Uuid, act: AccessAct) -> Result<AccessRequest, Error> {
    platform.decide_access(&desk(), id, act, "as we said", None, Utc::now()).await
}

fn told(error: Error) -> (ErrorKind, String) {
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn an_analyst_is_refused_asks_reads_masked_asks_again_reads_in_clear_and_is_out_when_it_ends() {
    let mesh = Mesh::loaded().await;
    let (ana, olga, pia) =
        (mesh.platform(Some("ana")).await, mesh.platform(Some("olga")).await, mesh.platform(Some("pia")).await);
    let (desk, now) = (desk(), Utc::now());
    assert_eq!(names(&ana).await.unwrap_err().0, ErrorKind::Denied);

    let asked = ana.request_access(&desk, wish(AccessLevel::Regular, None), now).await.unwrap();
    assert_eq!((asked.state, asked.dataset.as_str(), asked.until), (AccessState::Requested, TABLE, now + TimeDelta::days(30)));
    assert_eq!(asked.may, [AccessAct::Reject], "one may take one's own back");
    assert_eq!(told(decide(&ana, asked.id, AccessAct::Approve).await.unwrap_err()).0, ErrorKind::Denied);
    let given = decide(&olga, asked.id, AccessAct::Approve).await.unwrap();
    assert_eq!(given.state, AccessState::Provisioned);
    assert_eq!(names(&ana).await.unwrap(), "*** ***");

    let asked = ana.request_access(&desk, wish(AccessLevel::Pii, Some(now + TimeDelta::days(10))), now).await.unwrap();
    assert_eq!(decide(&olga, asked.id, AccessAct::Approve).await.unwrap().state, AccessState::Requested);
    assert_eq!(names(&ana).await.unwrap(), "*** ***");
    assert_eq!(told(decide(&olga, asked.id, AccessAct::Approve).await.unwrap_err()).0, ErrorKind::Conflict);
    assert_eq!(decide(&pia, asked.id, AccessAct::Approve).await.unwrap().state, AccessState::Provisioned);
    assert_eq!(names(&ana).await.unwrap(), "Eva Tom");

    // Pia approves, and sees nothing herself.
    assert_eq!(names(&pia).await.unwrap_err().0, ErrorKind::NotFound);

    assert_eq!(olga.sweep_access(&desk, now + TimeDelta::days(9)).await.unwrap(), 0);
    assert_eq!(olga.sweep_access(&desk, now + TimeDelta::days(10)).await.unwrap(), 1);
    assert_eq!(names(&ana).await.unwrap(), "*** ***");
    assert_eq!(olga.sweep_access(&desk, now + TimeDelta::days(31)).await.unwrap(), 1);
    assert_eq!(names(&ana).await.unwrap_err().0, ErrorKind::Denied);
    let over = ana.access_request(&desk, asked.id, Utc::now()).await.unwrap();
    let events: Vec<&str> = over.history.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(events, ["requested", "approved_in_part", "approved", "provisioned", "expired"]);
    assert!(over.deliveries.is_empty() && over.may.is_empty());
}

#[tokio::test]
async fn what_is_revoked_is_gone_at_once() {
    let mesh = Mesh::loaded().await;
    let (ana, olga) = (mesh.platform(Some("ana")).await, mesh.platform(Some("olga")).await);
    for by in ["olga", "ana", "paul"] {
        let asked = ana.request_access(&desk(), wish(AccessLevel::Regular, None), Utc::now()).await.unwrap();
        decide(&olga, asked.id, AccessAct::Approve).await.unwrap();
        assert_eq!(names(&ana).await.unwrap(), "*** ***");
        let stranger = decide(&mesh.platform(Some("bob")).await, asked.id, AccessAct::Revoke).await.unwrap_err();
        assert_eq!(stranger.kind(), ErrorKind::NotFound);
        let revoked = decide(&mesh.platform(Some(by)).await, asked.id, AccessAct::Revoke).await.unwrap();
        assert_eq!(revoked.state, AccessState::Revoked, "{by}");
        assert_eq!(names(&ana).await.unwrap_err().0, ErrorKind::Denied);
    }
}

#[tokio::test]
async fn what_one_may_not_know_of_is_told_as_what_is_not_there() {
    let mesh = Mesh::loaded().await;
    let (ana, bob) = (mesh.platform(Some("ana")).await, mesh.platform(Some("bob")).await);
    let ask = async |name: &str| {
        let mut wish = wish(AccessLevel::Regular, None);
        wish.dataset = name.to_owned();
        let error = bob.request_access(&desk(), wish, Utc::now()).await.unwrap_err();
        (error.kind(), error.to_string().replace(name, "NAME"), error.hint().map(str::to_owned))
    };
    let hidden = ask(TABLE).await;
    assert_eq!(hidden.0, ErrorKind::NotFound);
    for absent in ["finance.bronze.nothing_v1", "nowhere.bronze.customer_v1", "finance/nothing/v1", "finance/customer/v1"] {
        assert_eq!(ask(absent).await, hidden, "{absent}");
    }
    let asked = ana.request_access(&desk(), wish(AccessLevel::Regular, None), Utc::now()).await.unwrap();
    let show = async |id: Uuid| {
        let error = bob.access_request(&desk(), id, Utc::now()).await.unwrap_err();
        (error.kind(), error.to_string().replace(&id.to_string(), "ID"))
    };
    assert_eq!(show(asked.id).await, show(Uuid::nil()).await);
    for act in [AccessAct::Approve, AccessAct::Reject, AccessAct::Revoke, AccessAct::Review] {
        assert_eq!(decide(&bob, asked.id, act).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let (seen, more) = bob.access_requests(&desk(), &AccessQuery::default(), None, 10, Utc::now()).await.unwrap();
    assert!(seen.is_empty() && more.is_none());
    assert!(bob.access_grants(&desk(), Utc::now()).await.unwrap().is_empty());
    assert_eq!(bob.export_grants(Utc::now()).await.unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn each_finds_the_requests_that_concern_them_page_by_page() {
    let mesh = Mesh::loaded().await;
    let (ana, olga, pia) =
        (mesh.platform(Some("ana")).await, mesh.platform(Some("olga")).await, mesh.platform(Some("pia")).await);
    let now = Utc::now();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let asked = ana.request_access(&desk(), wish(AccessLevel::Regular, None), now).await.unwrap();
        decide(&ana, asked.id, AccessAct::Reject).await.unwrap();
        ids.push(asked.id);
    }
    let regular = ana.request_access(&desk(), wish(AccessLevel::Regular, None), now).await.unwrap();
    let twice = ana.request_access(&desk(), wish(AccessLevel::Regular, None), now).await.unwrap_err();
    assert_eq!(twice.kind(), ErrorKind::Conflict);
    let pii = ana.request_access(&desk(), wish(AccessLevel::Pii, None), now).await.unwrap();
    let list = async |who: &Platform, query: AccessQuery, before, limit| {
        let (found, more) = who.access_requests(&desk(), &query, before, limit, now).await.unwrap();
        (found.iter().map(|request| request.id).collect::<Vec<_>>(), more)
    };
    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let (page, more) = list(&ana, AccessQuery { mine: true, ..AccessQuery::default() }, before, 3).await;
        pages.push(page.len());
        before = more;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(pages, [3, 3, 1]);
    let to_decide = || AccessQuery { to_decide: true, ..AccessQuery::default() };
    assert_eq!(list(&olga, to_decide(), None, 10).await, (vec![pii.id, regular.id], None));
    assert_eq!(list(&pia, to_decide(), None, 10).await, (vec![pii.id], None));
    assert_eq!(list(&ana, to_decide(), None, 10).await.0, Vec::<Uuid>::new());
    let rejected = AccessQuery {
        state: Some(AccessState::Rejected),
        dataset: Some("finance/customer/v1".to_owned()),
        ..AccessQuery::default()
    };
    assert_eq!(list(&olga, rejected, None, 10).await.0.len(), 5);
    // A decision on what somebody else changed meanwhile is refused.
    let old = olga.decide_access(&desk(), regular.id, AccessAct::Approve, "", Some(7), now).await.unwrap_err();
    assert_eq!(old.kind(), ErrorKind::Conflict);
    olga.decide_access(&desk(), regular.id, AccessAct::Approve, "", Some(regular.version), now).await.unwrap();
}

#[tokio::test]
async fn exported_grants_are_records_that_change_nothing_of_the_plan() {
    let mesh = Mesh::loaded().await;
    let (admin, ana, olga) = (mesh.platform(None).await, mesh.platform(Some("ana")).await, mesh.platform(Some("olga")).await);
    let now = Utc::now();
    assert!(admin.export_grants(now).await.unwrap().text.ends_with("grants: []\n"));
    let mut wish = wish(AccessLevel::Regular, None);
    wish.purpose = "${HOME} \"quoted\": {x: [".to_owned();
    let asked = ana.request_access(&desk(), wish, now).await.unwrap();
    decide(&olga, asked.id, AccessAct::Approve).await.unwrap();
    let exported = admin.export_grants(now).await.unwrap();
    assert_eq!((exported.path.as_str(), exported.requests, exported.others), ("access/granted-dev.yaml", 1, 0));
    assert_eq!(admin.export_grants(now).await.unwrap(), exported);
    let until = asked.until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let day = now.format("%Y-%m-%d");
    let id = asked.id;
    let entry = format!(
        "grants:\n  # requested by ana for: ${{HOME}} \"quoted\": {{x: [\n  # approved by olga on {day}\n  - to: \"ana\"\n    \
         on: {TABLE}\n    level: regular\n    until: \"{until}\"\n    request: \"{id}\"\n    environment: dev\n"
    );
    assert!(exported.text.ends_with(&entry), "{}", exported.text);

    std::fs::write(mesh.folder.path().join(&exported.path), &exported.text).unwrap();
    let planned = admin.plan(Default::default()).await.unwrap();
    assert!(planned.plan.steps.is_empty() && planned.warnings.is_empty(), "{:?} {:?}", planned.plan.steps, planned.warnings);
    // A record keeps nothing that was revoked.
    decide(&olga, asked.id, AccessAct::Revoke).await.unwrap();
    assert!(admin.plan(Default::default()).await.unwrap().plan.steps.is_empty());
    assert_eq!(names(&ana).await.unwrap_err().0, ErrorKind::Denied);

    let old = exported.text.replace(&until, "2020-01-01T00:00:00Z");
    std::fs::write(mesh.folder.path().join(&exported.path), old).unwrap();
    let validation = validate(mesh.folder.path()).await.unwrap();
    let codes: Vec<&str> = validation.faults.iter().map(|fault| &*fault.code).collect();
    assert!(validation.holds());
    assert_eq!(codes, ["grant-is-over"]);
}

#[tokio::test]
async fn whoever_comes_to_the_name_of_somebody_removed_comes_into_nothing() {
    let mesh = Mesh::loaded().await;
    mesh.folder.write("access/finance.yaml", "grants: [{to: everyone, on: finance, privileges: [BROWSE]}]\n").unwrap();
    mesh.platform(None).await.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
    let store = Store::open(&mesh.folder.state("nonprod")).await.unwrap();
    let comes = async |number: u128| {
        let content = UserContent {
            name: "sam".parse().unwrap(),
            user_name: "sam".to_owned(),
            display_name: None,
            external_id: None,
            active: true,
            document: "{}".to_owned(),
        };
        let made = store.create_user::<()>(Uuid::from_u128(number), content, Utc::now()).await.unwrap();
        assert!(matches!(made, IdentityChange::Made(_)), "{made:?}");
    };
    comes(1).await;
    let (sam, olga) = (mesh.platform(Some("sam")).await, mesh.platform(Some("olga")).await);
    let now = Utc::now();
    let given = sam.request_access(&desk(), wish(AccessLevel::Regular, None), now).await.unwrap();
    decide(&olga, given.id, AccessAct::Approve).await.unwrap();
    assert_eq!(names(&sam).await.unwrap(), "*** ***");
    let open = sam.request_access(&desk(), wish(AccessLevel::Pii, None), now).await.unwrap();

    let gone = store.delete_user(Uuid::from_u128(1), Utc::now(), |_| Ok::<_, ()>(())).await.unwrap();
    assert!(matches!(gone, IdentityChange::Made(_)), "{gone:?}");
    comes(2).await;
    assert_eq!(names(&sam).await.unwrap_err().0, ErrorKind::Denied);
    // Before any sweep, too.
    assert_eq!(told(decide(&olga, open.id, AccessAct::Approve).await.unwrap_err()).0, ErrorKind::Conflict);
    assert_eq!(olga.sweep_access(&desk(), Utc::now()).await.unwrap(), 1);
    for (id, state) in [(given.id, AccessState::Revoked), (open.id, AccessState::Rejected)] {
        let found = olga.access_request(&desk(), id, Utc::now()).await.unwrap();
        let last = found.history.last().unwrap();
        assert_eq!((found.state, last.by.as_ref()), (state, None));
    }
    assert_eq!(olga.sweep_access(&desk(), Utc::now()).await.unwrap(), 0);
    let again = sam.request_access(&desk(), wish(AccessLevel::Pii, None), Utc::now()).await.unwrap();
    assert_eq!(again.state, AccessState::Requested);
}

#[tokio::test]
async fn what_happens_to_requests_is_in_the_audit() {
    let mesh = Mesh::loaded().await;
    let (ana, olga) = (mesh.platform(Some("ana")).await, mesh.platform(Some("olga")).await);
    let asked = ana.request_access(&desk(), wish(AccessLevel::Regular, None), Utc::now()).await.unwrap();
    decide(&ana, asked.id, AccessAct::Approve).await.unwrap_err();
    decide(&olga, asked.id, AccessAct::Approve).await.unwrap();
    let store = Store::open(&mesh.folder.state("nonprod")).await.unwrap();
    let filter = polder_store::AuditFilter { securable: Some(format!("table {TABLE}")), ..polder_store::AuditFilter::default() };
    let told: Vec<String> = audit(&store, &filter).await;
    for line in [
        "ana request access to true null",
        "ana approve access to false [{\"refused\":\"own_request\"}]",
        "olga approve access to true null",
        "polder give access to true null",
    ] {
        assert!(told.iter().any(|told| told == line), "{line} is missing in {told:#?}");
    }
}

async fn audit(store: &polder_store::Store, filter: &polder_store::AuditFilter) -> Vec<String> {
    let page = store.audit(filter, polder_store::AuditPage::Latest, 100).await.unwrap();
    let line = |record: &polder_store::AuditRecord| {
        let event = &record.event;
        format!("{} {} {} {}", event.principal, event.action, event.allowed, event.determined_by)
    };
    page.iter().map(line).collect()
}
