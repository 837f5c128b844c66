//! Processes that die between what happens to a request and what follows from it.

use std::path::Path;
use std::process::Command;

use chrono::{TimeDelta, Utc};
use polder_api::{AccessAct, AccessLevel, AccessState};
use polder_model::fault;
use polder_platform::Platform;
use polder_store::{AuditFilter, AuditPage};
use uuid::Uuid;

use crate::mesh::{Mesh, desk, names, open, wish};

const ROOT: &str = "POLDER_PLATFORM_TEST_ROOT";
const POINT: &str = "POLDER_PLATFORM_TEST_POINT";
const REQUEST: &str = "POLDER_PLATFORM_TEST_REQUEST";

/// The child: approves a request, and dies at a point.
#[tokio::test]
#[ignore = "run by the test below, as its child"]
async fn child() {
    fault::set_hook(|point| {
        if std::env::var(POINT).is_ok_and(|wanted| wanted == point) {
            std::process::abort();
        }
    });
    let olga = open(Path::new(&std::env::var(ROOT).unwrap()), Some("olga")).await;
    let id: Uuid = std::env::var(REQUEST).unwrap().parse().unwrap();
    olga.decide_access(&desk(), id, AccessAct::Approve, "", None, Utc::now()).await.unwrap();
}

#[tokio::test]
async fn what_was_approved_is_given_once_wherever_the_process_died() {
    for (point, approved) in [("requests.before_record", false), ("requests.after_record", true), ("access.due", true)] {
        let mesh = Mesh::loaded().await;
        let (ana, olga) = (mesh.platform(Some("ana")).await, mesh.platform(Some("olga")).await);
        let desk = desk();
        let now = Utc::now();
        let asked = ana.request_access(&desk, wish(AccessLevel::Regular, None), now).await.unwrap();
        let died = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cut_short::child", "--ignored"])
            .env(ROOT, mesh.folder.path())
            .env(POINT, point)
            .env(REQUEST, asked.id.to_string())
            .output()
            .unwrap();
        assert!(!died.status.success(), "the child did not reach {point}");
        let found = ana.access_request(&desk, asked.id, now).await.unwrap();
        assert_eq!(found.state, if approved { AccessState::Approved } else { AccessState::Requested }, "{point}");
        assert!(names(&ana).await.is_err(), "nothing is given before it is kept");

        // Two servers notice at once.
        let other = mesh.platform(None).await;
        let later = Utc::now();
        let swept = tokio::join!(olga.sweep_access(&desk, later), other.sweep_access(&desk, later));
        assert!(swept.0.is_ok() && swept.1.is_ok(), "{swept:?}");
        if !approved {
            olga.decide_access(&desk, asked.id, AccessAct::Approve, "", None, Utc::now()).await.unwrap();
        }
        assert_eq!(names(&ana).await.unwrap(), "*** ***", "{point}");
        let found = ana.access_request(&desk, asked.id, now).await.unwrap();
        let events: Vec<&str> = found.history.iter().map(|event| event.event.as_str()).collect();
        assert_eq!(events, ["requested", "approved", "provisioned"], "{point}");
        assert_eq!(ana.access_grants(&desk, now).await.unwrap().len(), 3, "{point}");
        assert_eq!(audited(&other).await, ["request access to", "approve access to", "give access to"], "{point}");
        assert_eq!(olga.sweep_access(&desk, now + TimeDelta::days(1)).await.unwrap(), 0);
    }
}

/// What the audit says was done to requests, in order.
async fn audited(platform: &Platform) -> Vec<String> {
    let all = platform.audit_page(AuditFilter::default(), AuditPage::After(0), 1000).await.unwrap();
    let of_requests = all.into_iter().map(|record| record.event).filter(|event| event.detail.contains("access"));
    of_requests.map(|event| event.action).filter(|action| !action.starts_with("show") && !action.starts_with("list")).collect()
}
