//! What holds of any mesh.

use polder_access::{Action, Authorizer};
use polder_model::resource::Grant;
use polder_model::{Privilege, Resource, Securable};
use proptest::prelude::*;

use crate::scene::{caller, environment, name, resources, securable};

const PEOPLE: [&str; 3] = ["ana", "otto", "loader"];
const HOLDERS: [&str; 6] = ["ana", "otto", "loader", "analysts", "juniors", "everyone"];
const SECURABLES: [&str; 7] = [
    "metastore",
    "catalog finance",
    "schema finance.bronze",
    "table finance.bronze.customer_v1",
    "table finance.bronze.rates_v1",
    "view finance.bronze.adults_v1",
    "volume finance.bronze.scans_v1",
];
const MESH: &str = "
    user ana
    user otto
    service_principal loader
    group analysts: juniors, otto
    group juniors: ana, loader
    catalog finance owned by nobody
    schema finance.bronze owned by nobody
    table finance.bronze.customer_v1 owned by nobody: country, fullname!redact
    table finance.bronze.rates_v1 owned by nobody: day
    view finance.bronze.adults_v1 owned by nobody: country
    volume finance.bronze.scans_v1 owned by nobody
";

fn grants() -> impl Strategy<Value = Vec<Grant>> {
    let privileges = prop::sample::subsequence(Privilege::ALL.to_vec(), 1..5);
    let grant = (prop::sample::select(&SECURABLES[..]), prop::sample::select(&HOLDERS[..]), privileges);
    let grant = grant.prop_map(|(on, to, privileges)| Grant {
        securable: securable(on),
        principal: name(to),
        privileges: privileges.into_iter().collect(),
    });
    prop::collection::vec(grant, 0..8)
}

fn with(grants: &[Grant]) -> Authorizer {
    let mut all = resources(MESH);
    all.extend(grants.iter().cloned().map(Resource::Grant));
    Authorizer::new(&environment(false), &all).unwrap()
}

/// Every question there is.
fn questions() -> impl Iterator<Item = (&'static str, Action, Securable)> {
    PEOPLE.into_iter().flat_map(|who| {
        SECURABLES.into_iter().flat_map(move |on| Action::ALL.into_iter().map(move |action| (who, action, securable(on))))
    })
}

fn allows(authorizer: &Authorizer, (who, action, on): &(&str, Action, Securable)) -> bool {
    authorizer.authorize(&caller(authorizer, who), *action, on).is_allowed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_grant_never_takes_away(grants in grants(), more in grants()) {
        let before = with(&grants);
        let after = with(&[grants, more].concat());
        for question in questions() {
            prop_assert!(!allows(&before, &question) || allows(&after, &question), "{question:?}");
        }
    }

    #[test]
    fn what_is_allowed_is_visible(grants in grants()) {
        let authorizer = with(&grants);
        for question in questions() {
            let visible = authorizer.visible(&caller(&authorizer, question.0), &question.2);
            prop_assert!(!allows(&authorizer, &question) || visible, "{question:?}");
        }
    }

    #[test]
    fn manage_and_browse_never_give_data(mut grants in grants()) {
        for grant in &mut grants {
            grant.privileges = [Privilege::Manage, Privilege::Browse, Privilege::UseCatalog, Privilege::UseSchema].into();
        }
        let authorizer = with(&grants);
        for question in questions() {
            let data = matches!(question.1, Action::Read | Action::Write | Action::ReadFiles | Action::WriteFiles);
            prop_assert!(!(data && allows(&authorizer, &question)), "{question:?}");
        }
    }

    #[test]
    fn data_is_clear_only_with_the_pii_level(grants in grants()) {
        let authorizer = with(&grants);
        let pii = grants.iter().any(|g| g.privileges.contains(&Privilege::ReadPii));
        for who in PEOPLE {
            let on = securable("table finance.bronze.customer_v1");
            if let polder_access::Decision::Allowed(permit) = authorizer.authorize(&caller(&authorizer, who), Action::Read, &on) {
                prop_assert!(pii || !permit.is_whole());
            }
        }
    }
}

#[test]
fn without_grants_and_ownership_everything_is_denied() {
    let authorizer = with(&[]);
    for question in questions() {
        // That there is a metastore is no secret.
        let open = question.1 == Action::Browse && question.2 == Securable::Metastore;
        assert_eq!(allows(&authorizer, &question), open, "{question:?}");
    }
}
