//! Reading what a view reads: by the view owner's rights, in the form that the reader may see.

use polder_model::{PrincipalName, Roles, Securable};

use super::{Authorizer, Subject};
use crate::decision::Decision;
use crate::permit::{Action, Caller, Determinant, Permit};
use crate::sight::Sight;

impl Authorizer {
    /// Decides whether a reader of a view may read what the view's query names.
    ///
    /// The view's owner must be able to read it; the reader need not. But masks and row filters stay the reader's: a view opens a
    /// table, and never shows more of its rows or values than the reader could see.
    pub fn authorize_through(&self, caller: &Caller, owner: &PrincipalName, securable: &Securable) -> Decision {
        match self.subject(caller) {
            Some(subject) => self.decide_through(caller, subject, owner, securable),
            None => Decision::Denied(self.hide(caller, Action::Read, securable, vec![Determinant::UnknownPrincipal])),
        }
    }

    pub(crate) fn decide_through(
        &self,
        caller: &Caller,
        subject: Subject<'_>,
        owner: &PrincipalName,
        securable: &Securable,
    ) -> Decision {
        let action = Action::Read;
        let denied = |facts| Decision::Denied(self.hide(caller, action, securable, facts));
        let Some(id) = self.securables.find(securable) else { return denied(vec![Determinant::NoSuchSecurable]) };
        let by_owner = Determinant::ViewOwner { owner: owner.to_string() };
        let Some((owner, _)) = self.principals.principal(owner) else { return denied(vec![Determinant::UnknownPrincipal]) };
        let owner = Subject::Known(self.principals.reach(owner), Roles::NONE);
        let mut facts = vec![by_owner];
        match self.grounds(owner, action, id) {
            Ok(grounds) => facts.extend(self.told(owner, &grounds)),
            Err(missing) => return denied(missing),
        }
        let forbidden = self.forbidden(caller, action, id);
        if !forbidden.is_empty() {
            return self.deny(caller, subject, action, id, forbidden);
        }
        let Sight { column_rules, row_conditions, facts: seen, .. } = self.sight(subject, id);
        facts.extend(seen);
        Decision::Allowed(Permit {
            caller: caller.clone(),
            action,
            securable: securable.clone(),
            column_rules,
            row_conditions,
            determined_by: facts,
        })
    }
}
