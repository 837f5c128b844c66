//! Guardrails and groups of any depth: refused or answered, on the stack of an ordinary thread.

use chrono::DateTime;
use polder_access::request::{Ask, Rules, Words};
use polder_access::{Authorizer, Level, check_policy};

use crate::scene::{FINANCE, USE, answer, ask, environment, name, resources, securable, try_authorizer};

/// The stack of a thread that decides, unless it is told otherwise.
const STACK_BYTES: usize = 2 * 1024 * 1024;

fn on_a_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
}

fn forbid(condition: &str) -> String {
    format!("forbid(principal, action == Polder::Action::\"read\", resource) when {{\n{condition} }};")
}

fn nested(open: &str, inside: &str, close: &str, depth: usize) -> String {
    format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
}

#[track_caller]
fn fault_of(text: String) -> Option<String> {
    on_a_worker(move || check_policy(&"g".parse().unwrap(), &text).err().map(|error| error.faults[0].clone()))
        .map(|fault| format!("{}:{} {} ({})", fault.line, fault.column, fault.message, fault.help.unwrap_or_default()))
}

#[test]
fn a_guardrail_that_is_too_large_is_refused() {
    let brackets =
        "this policy is too large: brackets nest more than 50 deep (take brackets out, or split the policy into several)";
    let ifs = "this policy is too large: there are more than 50 ifs (split the policy into several)";
    let operators = "this policy is too large: there are more than 500 operators (compare one value with many by [...].contains(...), or split the policy into several)";
    for (condition, expected) in [
        (nested("(", "true", ")", 200), format!("2:50 {brackets}")),
        (nested("[", "1", "]", 1_000), format!("2:50 {brackets}")),
        (nested("{a: ", "1", "}.a", 1_000), format!("2:197 {brackets}")),
        (nested("if true then ", "true", " else false", 1_000), format!("2:651 {ifs}")),
        (vec!["true"; 20_000].join(" && "), format!("2:3998 {operators}")),
        (vec!["true"; 20_000].join(" || "), format!("2:3998 {operators}")),
        (format!("1{} == 1", " + 1".repeat(20_000)), format!("2:1999 {operators}")),
        (format!("resource{}", ".owner".repeat(20_000)), format!("2:3003 {operators}")),
    ] {
        assert_eq!(fault_of(forbid(&condition)), Some(expected), "{condition:.40}");
    }
    let long = fault_of("// a\n".repeat(100_000));
    assert_eq!(
        long.as_deref(),
        Some("1:1 the policy has 500000 bytes, and at most 262144 are read (split it into several files)")
    );
    let refused = on_a_worker(|| {
        let policy = format!("policy g: {}", forbid(&nested("(", "true", ")", 200)).replace('\n', " "));
        try_authorizer(&format!("{FINANCE}{policy}"), false).unwrap_err()
    });
    assert_eq!(refused.policy.as_str(), "g");
}

#[test]
fn a_guardrail_that_is_not_too_large_is_read_to_its_bottom() {
    let deepest = |inside: &str| {
        let bracketed = nested("(", inside, ")", 48);
        nested("if true then ", &format!("({bracketed})"), " else false", 50)
    };
    for (right, wrong) in [("resource.has_pii", "resource.has_pi"), ("resource.name like \"a*\"", "resource.nam like \"a*\"")] {
        for chain in [" && true".repeat(490), " || true".repeat(490)] {
            assert_eq!(fault_of(forbid(&deepest(&format!("{right}{chain}")))), None);
            let found = fault_of(forbid(&deepest(&format!("{wrong}{chain}"))));
            assert!(found.as_ref().is_some_and(|fault| fault.contains("not found (did you mean")), "{found:?}");
        }
    }
}

#[test]
fn a_guardrail_that_is_not_too_large_is_evaluated() {
    let answers = on_a_worker(|| {
        let policy = forbid(&format!("{}resource.has_pii{}", "(".repeat(40), " && true)".repeat(40) + &" && true".repeat(440)));
        let readers = "grant select on catalog finance to analysts";
        let mesh = format!("{FINANCE}{USE}{readers}\npolicy g: {}", policy.replace('\n', " "));
        let authorizer = try_authorizer(&mesh, false).unwrap();
        ["customer_v1", "rates_v1"].map(|table| answer(&ask(&authorizer, &format!("ana read table finance.bronze.{table}"))))
    });
    assert_eq!(answers, ["no: guardrail g", "yes"]);
}

#[test]
fn a_long_chain_of_groups_is_followed() {
    const GROUPS: usize = 20_000;
    let (rows, groups, told, approvers) = on_a_worker(|| {
        let last = GROUPS - 1;
        let chain: String = (1..GROUPS).map(|at| format!("group g{at}: g{}\n", at - 1)).collect();
        let around = format!("group g0: ana, g{last}\ngrant all privileges on catalog finance to g{last}\n");
        let owned = format!("catalog retail owned by g{last}\n");
        let authorizer = Authorizer::new(&environment(false), &resources(&format!("{FINANCE}{chain}{around}{owned}"))).unwrap();
        let rows = answer(&ask(&authorizer, "ana read table finance.bronze.rates_v1"));
        let told = authorizer.explain(&name("ana"), &securable("table finance.bronze.rates_v1")).to_string();
        let asked = Ask {
            securable: securable("catalog retail"),
            requester: name("otto"),
            beneficiary: name("otto"),
            level: Level::Regular,
            purpose: Words::default(),
            until: DateTime::UNIX_EPOCH,
        };
        (rows, authorizer.groups_of(&name("ana")), told, authorizer.approvers(&asked, &Rules::default()))
    });
    assert_eq!(rows, "yes");
    // All of the chain, `analysts` and `everyone`.
    assert_eq!(groups.len(), GROUPS + 2);
    let last = groups.last().unwrap();
    assert_eq!((last.group.as_str(), last.through.len()), ("g19999", 65));
    assert_eq!((last.through[0].as_str(), last.through[64].as_str()), ("...", "g19999"));
    assert!(told.contains("(through ... in g19936 in g19937 in "), "{told:.400}");
    assert_eq!(approvers, [name("ana")]);
}
