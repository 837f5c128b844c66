//! Reading through a view: the view owner's rights open, the reader's masks and row filters stay, guardrails hold for both.

use polder_access::{Authorizer, Decision};

use crate::scene::{FINANCE, USE, answer, authorizer, caller, name, securable, try_authorizer};

/// A table that only its owners may read, filtered by group.
const FILTERED: &str = "
    table finance.bronze.sales_v1 owned by owners: country, buyer!redact
    filter analysts: country = 'NL'
    filter auditors: true
    group auditors: otto
";

fn through(authorizer: &Authorizer, who: &str, owner: &str, what: &str) -> Decision {
    authorizer.authorize_through(&caller(authorizer, who), &name(owner), &securable(what))
}

/// What a permit shows: masked columns and row conditions.
fn sight(decision: &Decision) -> String {
    match decision {
        Decision::Allowed(permit) => {
            let masked: Vec<String> =
                permit.column_rules().iter().map(|rule| format!("{} {}", rule.mask.as_str(), rule.column)).collect();
            let rows = match permit.row_conditions() {
                None => "all rows".to_owned(),
                Some([]) => "no rows".to_owned(),
                Some(conditions) => format!("rows {}", conditions.join(" or ")),
            };
            format!("{}; {rows}", masked.join(", "))
        }
        denied => answer(denied),
    }
}

#[test]
fn the_owners_rights_open_and_the_readers_masks_and_rows_stay() {
    let authorizer = authorizer(&format!("{FINANCE}{FILTERED}"));
    let sales = "table finance.bronze.sales_v1";
    // Nobody but the owners was granted anything: only the view lets the others in.
    assert_eq!(
        answer(&authorizer.authorize(&caller(&authorizer, "ana"), polder_access::Action::Read, &securable(sales))),
        "hidden"
    );
    let seen = ["olga", "ana", "otto", "loader", "admin"].map(|who| sight(&through(&authorizer, who, "owners", sales)));
    assert_eq!(
        seen,
        ["; all rows", "redact buyer; rows country = 'NL'", "redact buyer; rows true", "redact buyer; no rows", "; all rows",]
    );
}

#[test]
fn a_view_opens_nothing_that_its_owner_may_not_read() {
    let authorizer = authorizer(&format!("{FINANCE}{USE}{FILTERED}"));
    for owner in ["analysts", "otto", "stranger"] {
        // The owner of the table is not let in by it either, though it may read the table itself.
        let answers = ["ana", "olga"].map(|who| answer(&through(&authorizer, who, owner, "table finance.bronze.sales_v1")));
        assert_eq!(answers, ["hidden", "hidden"], "{owner}");
    }
    assert_eq!(answer(&through(&authorizer, "stranger", "owners", "table finance.bronze.sales_v1")), "hidden");
    assert_eq!(answer(&through(&authorizer, "ana", "owners", "table finance.bronze.none_v1")), "hidden");
}

#[test]
fn guardrails_hold_through_a_view() {
    let guardrail =
        r#"policy g: forbid(principal in Polder::Group::"analysts", action, resource in Polder::Schema::"finance.bronze");"#;
    let authorizer = try_authorizer(&format!("{FINANCE}{guardrail}"), false).unwrap();
    let rates = "table finance.bronze.rates_v1";
    assert_eq!(answer(&through(&authorizer, "ana", "owners", rates)), "hidden");
    assert_eq!(answer(&through(&authorizer, "otto", "owners", rates)), "yes");
}
