//! Access on request: who may ask, who may decide, and that nothing is given without the approvals it takes.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use polder_access::request::{Act, Actor, Ask, Change, Effect, Event, Refusal, Request, RequestId, Rules, Standing, Words};
use polder_access::{Authorizer, Level};
use polder_model::Privilege;
use proptest::prelude::*;

use crate::scene::{authorizer, caller, name, securable};

const CUSTOMER: &str = "table finance.bronze.customer_v1";

/// Two owners, of whom one is in data protection too; two more in data protection, of whom one is an analyst.
const PEOPLE: &str = "
    user olga
    user otis
    user pia
    user paul
    user ana
    user bob
    service_principal robot
    service_principal loader
    group owners: olga, otis, robot
    group protection: pia, paul, otis
    group analysts: ana, paul
    group readers: analysts
    catalog finance owned by owners
    schema finance.bronze owned by owners
    table finance.bronze.customer_v1 owned by owners: country, fullname!redact
    table finance.bronze.rates_v1 owned by owners: day, rate
    volume finance.bronze.scans_v1 owned by owners
    grant browse on catalog finance to readers
";

fn at(days: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::days(days)
}

fn rules() -> Rules {
    Rules { data_protection: Some(name("protection")), ..Rules::default() }
}

fn wish(requester: &str, on: &str, level: Level, days: i64) -> Ask {
    let purpose = Words::new("churn model").unwrap();
    Ask { securable: securable(on), requester: name(requester), beneficiary: name(requester), level, purpose, until: at(days) }
}

fn open(mesh: &Authorizer, ask: Ask) -> Result<Request, Refusal> {
    open_by(mesh, ask, &rules())
}

fn open_by(mesh: &Authorizer, ask: Ask, rules: &Rules) -> Result<Request, Refusal> {
    let asking = mesh.asking(&caller(mesh, ask.requester.as_str()), &ask, Some(&"finance".parse().unwrap()));
    Request::open(RequestId(uuid::Uuid::nil()), ask, asking, rules, at(0))
}

fn act(mesh: &Authorizer, request: &Request, who: &str, act: Act, days: i64) -> Result<Change, Refusal> {
    let caller = caller(mesh, who);
    let facts = mesh.request_facts(&caller, request, &rules());
    let actor = Actor { name: name(who), local_admin: caller.local_admin, now: at(days), comment: Words::default() };
    request.act(act, actor, &facts, &rules())
}

fn refused(result: Result<Change, Refusal>) -> &'static str {
    result.map(|change| change.event).unwrap_err().code()
}

#[test]
fn whoever_may_browse_may_ask_and_nobody_else_is_told_anything() {
    let mesh = authorizer(PEOPLE);
    assert_eq!(open(&mesh, wish("ana", CUSTOMER, Level::Regular, 30)).unwrap().standing().as_str(), "requested");
    for on in [CUSTOMER, "table finance.bronze.none_v1", "table elsewhere.bronze.x_v1"] {
        assert_eq!(open(&mesh, wish("bob", on, Level::Regular, 30)), Err(Refusal::Hidden), "{on}");
    }
    assert_eq!(open(&mesh, wish("nobody", CUSTOMER, Level::Regular, 30)), Err(Refusal::Hidden));
}

#[test]
fn an_ask_has_its_bounds() {
    let mesh = authorizer(PEOPLE);
    let ask = |change: &dyn Fn(&mut Ask)| {
        let mut ask = wish("ana", CUSTOMER, Level::Pii, 30);
        change(&mut ask);
        open(&mesh, ask).map(|request| request.standing().as_str()).map_err(|refusal| refusal.code())
    };
    assert_eq!(ask(&|_| {}), Ok("requested"));
    assert_eq!(ask(&|ask| ask.until = at(0)), Err("access_is_over"));
    assert_eq!(ask(&|ask| ask.until = at(365)), Ok("requested"));
    assert_eq!(ask(&|ask| ask.until = at(366)), Err("access_too_long"));
    assert_eq!(ask(&|ask| ask.purpose = Words::new("  ").unwrap()), Err("no_purpose"));
    assert_eq!(ask(&|ask| ask.securable = securable("catalog finance")), Err("not_a_dataset"));
    assert_eq!(ask(&|ask| ask.securable = securable("metastore")), Err("not_a_dataset"));
    assert_eq!(ask(&|ask| ask.securable = securable("table finance.bronze.rates_v1")), Err("no_personal_data"));
    assert_eq!(ask(&|ask| ask.securable = securable("volume finance.bronze.scans_v1")), Err("no_personal_data"));
    let none = Rules::default();
    assert_eq!(open_by(&mesh, wish("ana", CUSTOMER, Level::Pii, 30), &none), Err(Refusal::NoDataProtection));
    assert!(open_by(&mesh, wish("ana", CUSTOMER, Level::Regular, 30), &none).is_ok());
}

#[test]
fn one_asks_for_oneself_for_a_group_one_is_in_or_for_a_program_of_ones_domain() {
    let mesh = authorizer(PEOPLE);
    let ask = |requester: &str, beneficiary: &str| {
        let ask = Ask { beneficiary: name(beneficiary), ..wish(requester, CUSTOMER, Level::Regular, 30) };
        open(&mesh, ask).map(|_| ()).map_err(|refusal| refusal.code())
    };
    for (requester, beneficiary) in
        [("ana", "ana"), ("ana", "analysts"), ("ana", "readers"), ("olga", "loader"), ("admin", "bob")]
    {
        assert_eq!(ask(requester, beneficiary), Ok(()), "{requester} for {beneficiary}");
    }
    for (requester, beneficiary) in
        [("ana", "bob"), ("ana", "owners"), ("ana", "everyone"), ("ana", "nobody"), ("ana", "loader"), ("admin", "everyone")]
    {
        assert_eq!(ask(requester, beneficiary), Err("not_for_them"), "{requester} for {beneficiary}");
    }
}

#[test]
fn words_are_one_line_of_bounded_length() {
    assert_eq!(Words::new("  for the churn model ").unwrap().as_str(), "for the churn model");
    assert!(Words::new(&"é".repeat(1000)).is_ok());
    for text in [&"é".repeat(1001), "a\nb", "a\rSubject: b", "a\0b", "a\u{1b}[31m", "a\u{202e}b", "a\u{2028}b", "\tb"] {
        assert!(Words::new(text).is_err(), "{text:?}");
    }
    assert!(serde_json::from_str::<Words>("\"a\\nb\"").is_err());
}

#[test]
fn an_owner_approves_the_regular_level_and_nobody_else() {
    let mesh = authorizer(PEOPLE);
    let request = open(&mesh, wish("ana", CUSTOMER, Level::Regular, 30)).unwrap();
    for (who, code) in [
        ("ana", "own_request"),
        ("pia", "not_yours"),
        ("bob", "not_yours"),
        ("nobody", "not_yours"),
        ("robot", "not_a_person"),
        ("owners", "not_yours"),
    ] {
        assert_eq!(refused(act(&mesh, &request, who, Act::Approve, 1)), code, "{who}");
    }
    let approved = act(&mesh, &request, "olga", Act::Approve, 1).unwrap();
    assert_eq!((approved.event, &approved.effect), (Event::Approved, &Effect::None));
    assert_eq!(refused(act(&mesh, &approved.request, "otis", Act::Approve, 1)), "not_now");
    let given = approved.request.tick(&rules(), at(1)).unwrap();
    let Effect::Give { grants, until } = &given.effect else { panic!("{given:?}") };
    assert_eq!(*until, at(30));
    let told: Vec<String> =
        grants.iter().map(|g| format!("{} on {} to {}", words(&g.privileges), g.securable, g.principal)).collect();
    assert_eq!(
        told,
        [
            "USE CATALOG on catalog finance to ana",
            "USE SCHEMA on schema finance.bronze to ana",
            &format!("SELECT on {CUSTOMER} to ana")
        ]
    );
    assert_eq!(given.request.tick(&rules(), at(29)), None);
    let over = given.request.tick(&rules(), at(30)).unwrap();
    assert_eq!((over.event, over.effect, over.request.due()), (Event::Expired, Effect::End, None));
}

fn words(privileges: &BTreeSet<Privilege>) -> String {
    privileges.iter().map(|privilege| privilege.as_str()).collect::<Vec<_>>().join(", ")
}

#[test]
fn personal_data_takes_an_owner_and_someone_else_of_data_protection() {
    let mesh = authorizer(PEOPLE);
    let request = open(&mesh, wish("ana", CUSTOMER, Level::Pii, 30)).unwrap();
    let after = |people: &[&str]| {
        let last =
            people.iter().fold(request.clone(), |request, who| act(&mesh, &request, who, Act::Approve, 1).unwrap().request);
        last.standing().as_str()
    };
    for people in [&["olga"][..], &["pia"], &["otis"], &["pia", "paul"]] {
        assert_eq!(after(people), "requested", "{people:?}");
    }
    // One who is both counts as one of them, whichever the other is not.
    for people in
        [&["olga", "pia"][..], &["pia", "olga"], &["otis", "olga"], &["olga", "otis"], &["otis", "pia"], &["pia", "paul", "otis"]]
    {
        assert_eq!(after(people), "approved", "{people:?}");
    }
    let once = act(&mesh, &request, "otis", Act::Approve, 1).unwrap().request;
    assert_eq!(refused(act(&mesh, &once, "otis", Act::Approve, 1)), "already_approved");
    let both = act(&mesh, &once, "pia", Act::Approve, 1).unwrap().request;
    let Effect::Give { grants, .. } = both.tick(&rules(), at(1)).unwrap().effect else { panic!() };
    assert_eq!(words(&grants[2].privileges), "SELECT, READ PII");
}

#[test]
fn nobody_decides_on_what_gives_them_something() {
    let mesh = authorizer(PEOPLE);
    // Paul is in data protection, and in the group that it is for.
    let ask = Ask { beneficiary: name("analysts"), ..wish("ana", CUSTOMER, Level::Pii, 30) };
    let request = open(&mesh, ask).unwrap();
    assert_eq!(refused(act(&mesh, &request, "paul", Act::Approve, 1)), "own_request");
    assert_eq!(refused(act(&mesh, &request, "ana", Act::Reject, 1)), "own_request");
    let request = open(&mesh, wish("otis", CUSTOMER, Level::Pii, 30)).unwrap();
    assert_eq!(refused(act(&mesh, &request, "otis", Act::Approve, 1)), "own_request");
}

#[test]
fn those_who_may_approve_are_told_by_name() {
    let mesh = authorizer(PEOPLE);
    let told = |ask: Ask| mesh.approvers(&ask, &rules()).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(told(wish("ana", CUSTOMER, Level::Regular, 30)), "olga otis");
    assert_eq!(told(wish("ana", CUSTOMER, Level::Pii, 30)), "olga otis paul pia");
    assert_eq!(told(wish("otis", CUSTOMER, Level::Pii, 30)), "olga paul pia");
}

#[test]
fn an_approval_counts_while_whoever_gave_it_still_has_that_say() {
    let mesh = authorizer(PEOPLE);
    let request = open(&mesh, wish("ana", CUSTOMER, Level::Pii, 30)).unwrap();
    let once = act(&mesh, &request, "olga", Act::Approve, 1).unwrap().request;
    let without = authorizer(&PEOPLE.replace("group owners: olga, otis", "group owners: otis"));
    let twice = act(&without, &once, "pia", Act::Approve, 2).unwrap();
    assert_eq!(twice.event, Event::ApprovedInPart);
    let gone = authorizer(&PEOPLE.replace("user olga\n", ""));
    assert_eq!(act(&gone, &once, "pia", Act::Approve, 2).unwrap().event, Event::ApprovedInPart);
    assert_eq!(act(&without, &twice.request, "otis", Act::Approve, 3).unwrap().event, Event::Approved);
}

#[test]
fn a_request_is_turned_down_taken_back_or_lapses() {
    let mesh = authorizer(PEOPLE);
    let request = open(&mesh, wish("ana", CUSTOMER, Level::Regular, 30)).unwrap();
    assert_eq!(act(&mesh, &request, "olga", Act::Reject, 1).unwrap().event, Event::Rejected);
    assert_eq!(act(&mesh, &request, "ana", Act::Withdraw, 1).unwrap().event, Event::Withdrawn);
    assert_eq!(refused(act(&mesh, &request, "olga", Act::Withdraw, 1)), "not_yours");
    assert_eq!(refused(act(&mesh, &request, "pia", Act::Reject, 1)), "not_yours");
    assert_eq!(refused(act(&mesh, &request, "olga", Act::Approve, 30)), "access_is_over");
    assert_eq!(request.due(), Some(at(30)));
    let lapsed = request.tick(&rules(), at(30)).unwrap();
    assert_eq!((lapsed.event, lapsed.request.standing().as_str()), (Event::Lapsed, "rejected"));
    for what in [Act::Approve, Act::Reject, Act::Withdraw, Act::Confirm, Act::Revoke] {
        assert_eq!(refused(act(&mesh, &lapsed.request, "olga", what, 31)), "not_now");
    }
}

fn given(mesh: &Authorizer, days: i64) -> Request {
    let request = open(mesh, wish("ana", CUSTOMER, Level::Regular, days)).unwrap();
    let approved = act(mesh, &request, "olga", Act::Approve, 0).unwrap().request;
    approved.tick(&rules(), at(0)).unwrap().request
}

#[test]
fn when_whoever_asked_is_gone_it_ends_wherever_it_stands_and_gives_nothing() {
    let mesh = authorizer(PEOPLE);
    let bereave = |request: &Request| request.bereave("polder".parse().unwrap(), at(2));
    let open = open(&mesh, wish("ana", CUSTOMER, Level::Regular, 30)).unwrap();
    let lapsed = bereave(&open).unwrap();
    assert_eq!((lapsed.event, lapsed.effect, lapsed.request.due()), (Event::Lapsed, Effect::None, None));
    let approved = act(&mesh, &open, "olga", Act::Approve, 0).unwrap().request;
    for request in [approved, given(&mesh, 30)] {
        let revoked = bereave(&request).unwrap();
        assert_eq!((revoked.event, revoked.effect, revoked.request.due()), (Event::Revoked, Effect::End, None));
        assert_eq!(bereave(&revoked.request), None);
    }
}

#[test]
fn access_is_revoked_by_those_with_a_say_or_given_back() {
    let mesh = authorizer(PEOPLE);
    let request = given(&mesh, 30);
    for who in ["olga", "pia", "ana", "robot", "admin"] {
        let change = act(&mesh, &request, who, Act::Revoke, 2).unwrap();
        assert_eq!((change.event, change.effect), (Event::Revoked, Effect::End), "{who}");
    }
    for who in ["bob", "loader", "nobody"] {
        assert_eq!(refused(act(&mesh, &request, who, Act::Revoke, 2)), "not_yours", "{who}");
    }
}

#[test]
fn long_access_is_reviewed_again_and_again_and_ends_by_itself_all_the_same() {
    let mesh = authorizer(PEOPLE);
    assert_eq!(given(&mesh, 90).due(), Some(at(90)));
    let request = given(&mesh, 200);
    assert_eq!(request.due(), Some(at(90)));
    assert_eq!(request.tick(&rules(), at(89)), None);
    let due = request.tick(&rules(), at(90)).unwrap();
    assert_eq!((due.event, due.request.due()), (Event::ReviewDue, Some(at(97))));
    let overdue = due.request.tick(&rules(), at(98)).unwrap();
    assert_eq!((overdue.event, overdue.request.due()), (Event::ReviewOverdue, Some(at(105))));
    assert_eq!(overdue.request.tick(&rules(), at(200)).unwrap().event, Event::Expired);

    assert_eq!(refused(act(&mesh, &overdue.request, "ana", Act::Confirm, 99)), "own_request");
    assert_eq!(refused(act(&mesh, &overdue.request, "pia", Act::Confirm, 99)), "not_yours");
    assert_eq!(refused(act(&mesh, &overdue.request, "robot", Act::Confirm, 99)), "not_a_person");
    let confirmed = act(&mesh, &overdue.request, "olga", Act::Confirm, 99).unwrap();
    assert_eq!((confirmed.event, confirmed.request.due()), (Event::Confirmed, Some(at(189))));
    assert_eq!(refused(act(&mesh, &confirmed.request, "olga", Act::Confirm, 200)), "access_is_over");
}

#[test]
fn a_request_reads_back_as_it_was_written() {
    let mesh = authorizer(PEOPLE);
    let request = given(&mesh, 200);
    let text = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
    assert!(matches!(request.standing(), Standing::Provisioned(_)), "{text}");
}

#[derive(Debug, Clone)]
enum Move {
    Act(&'static str, Act),
    Tick,
    /// Someone leaves or joins a group.
    World(usize),
}

const ACTORS: [&str; 9] = ["olga", "otis", "pia", "paul", "ana", "bob", "robot", "loader", "nobody"];

/// Who owns and who protects in each world: the oracle's own list, not the authorizer's.
const WORLDS: [(&[&str], &[&str]); 4] = [
    (&["olga", "otis"], &["pia", "paul", "otis"]),
    (&["otis"], &["pia", "otis"]),
    (&["olga"], &["paul"]),
    (&["olga", "otis"], &["otis"]),
];

fn world(number: usize) -> Authorizer {
    let (owners, protection) = WORLDS[number];
    let text = PEOPLE.replace("group owners: olga, otis, robot", &format!("group owners: robot, {}", owners.join(", ")));
    authorizer(&text.replace("group protection: pia, paul, otis", &format!("group protection: {}", protection.join(", "))))
}

fn moves() -> impl Strategy<Value = Vec<(i64, Move)>> {
    let acts = prop::sample::select(
        &[Act::Approve, Act::Approve, Act::Approve, Act::Reject, Act::Withdraw, Act::Confirm, Act::Revoke][..],
    );
    let one = prop_oneof![
        6 => (prop::sample::select(&ACTORS[..]), acts).prop_map(|(who, act)| Move::Act(who, act)),
        2 => Just(Move::Tick),
        1 => (0..WORLDS.len()).prop_map(Move::World),
    ];
    prop::collection::vec((0_i64..12, one), 1..30)
}

proptest! {
    #[test]
    fn no_sequence_of_acts_gives_access_without_the_approvals_it_takes(
        moves in moves(),
        pii in any::<bool>(),
        requester in prop::sample::select(&["ana", "paul", "otis"][..]),
        for_group in any::<bool>(),
        days in 5_i64..150,
    ) {
        let worlds: Vec<Authorizer> = (0..WORLDS.len()).map(world).collect();
        let level = if pii { Level::Pii } else { Level::Regular };
        let for_group = for_group && requester != "otis";
        let mut ask = wish(requester, CUSTOMER, level, days);
        if for_group {
            ask.beneficiary = name("analysts");
        }
        let mut request = open(&worlds[0], ask).unwrap();
        let (mut here, mut day) = (0, 0);
        let mut said_yes: BTreeSet<&str> = BTreeSet::new();
        let (mut may_be_given, mut gives, mut ends) = (false, 0, 0);
        for (later, step) in moves {
            day += later;
            let change = match step {
                Move::World(number) => { here = number; continue; }
                Move::Tick => request.tick(&rules(), at(day)),
                Move::Act(who, what) => {
                    let change = act(&worlds[here], &request, who, what, day).ok();
                    if what == Act::Approve && change.is_some() {
                        prop_assert!(said_yes.insert(who), "{} counted twice", who);
                        prop_assert!(day < days, "approved when it was over");
                        let gains = |who: &str| who == requester || for_group && ["ana", "paul"].contains(&who);
                        prop_assert!(!gains(who), "{} approved what gives them something", who);
                        let (owners, protection) = WORLDS[here];
                        let enough = said_yes.iter().any(|a| {
                            owners.contains(a) && (!pii || said_yes.iter().any(|b| a != b && protection.contains(b)))
                        });
                        let approved = change.as_ref().is_some_and(|change| change.event == Event::Approved);
                        prop_assert_eq!(approved, enough, "{:?} in world {}", said_yes, here);
                        may_be_given |= approved;
                    }
                    change
                }
            };
            let Some(change) = change else { continue };
            match &change.effect {
                Effect::Give { grants, until } => {
                    prop_assert!(may_be_given && gives == 0);
                    prop_assert_eq!(*until, at(days));
                    let personal = grants.iter().any(|grant| grant.privileges.contains(&Privilege::ReadPii));
                    prop_assert_eq!(personal, pii);
                    gives += 1;
                }
                Effect::End => { prop_assert!(gives == 1); ends += 1; prop_assert!(ends == 1); }
                Effect::None => {}
            }
            let over = matches!(change.request.standing(), Standing::Rejected(_) | Standing::Revoked(_) | Standing::Expired(_));
            prop_assert_eq!(over, change.request.due().is_none());
            request = change.request;
        }
        // Whatever happened: once its time is over and the clock has been heard, nothing is left of it.
        while let Some(change) = request.tick(&rules(), at(1000)) {
            gives += usize::from(matches!(change.effect, Effect::Give { .. }));
            ends += usize::from(change.effect == Effect::End);
            request = change.request;
        }
        prop_assert_eq!(gives, ends);
        prop_assert_eq!(request.due(), None);
    }
}
