//! Reading by another's rights, in the form that the reader may see: what a view reads by the view owner's, and what is in a share
//! by the share owner's.

use polder_model::resource::Table;
use polder_model::share::Share;
use polder_model::{PrincipalName, Roles, Securable, TableName};

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

    /// Decides whether a recipient of a share may read a table in it.
    ///
    /// The share has to offer it to the caller by name, and the share's owner must be able to read it: what the owner may read no more
    /// is shared no more. Masks and row filters are the recipient's.
    pub fn authorize_shared(&self, caller: &Caller, share: &Share, table: &TableName) -> Decision {
        let securable = Securable::Table(table.clone());
        let hidden = |fact| Decision::Denied(self.hide(caller, Action::Read, &securable, vec![fact]));
        let Some(subject) = self.subject(caller).filter(|_| !caller.local_admin) else {
            return hidden(Determinant::UnknownPrincipal);
        };
        if share.recipient(&caller.principal.name).is_none() || !share.tables.contains(table) {
            return hidden(Determinant::NotShared { share: share.name.to_string() });
        }
        let ground = Determinant::Share { share: share.name.to_string(), owner: share.owner.to_string() };
        self.decide_by(caller, subject, (&share.owner, ground), &securable)
    }

    /// The permit under which the platform keeps hot storage of a table, in the name of the table's owner: whole and in clear, as what is
    /// kept is shown under the permit of whoever asks. `None` when the table is not there or declares none.
    #[must_use]
    pub fn permit_to_keep_hot(&self, table: &Table) -> Option<Permit> {
        table.hot_storage.as_ref()?;
        let securable = Securable::Table(table.name.clone());
        self.securables.find(&securable)?;
        Some(Permit {
            caller: Caller::new(self.principal(&table.owner)?),
            action: Action::Read,
            securable,
            column_rules: Vec::new(),
            row_conditions: None,
            determined_by: vec![Determinant::HotStorage],
        })
    }

    pub(crate) fn decide_through(
        &self,
        caller: &Caller,
        subject: Subject<'_>,
        owner: &PrincipalName,
        securable: &Securable,
    ) -> Decision {
        let ground = Determinant::ViewOwner { owner: owner.to_string() };
        self.decide_by(caller, subject, (owner, ground), securable)
    }

    /// The decision by somebody's rights, whose owner's they are, and what is told of that.
    fn decide_by(
        &self,
        caller: &Caller,
        subject: Subject<'_>,
        (owner, ground): (&PrincipalName, Determinant),
        securable: &Securable,
    ) -> Decision {
        let action = Action::Read;
        let denied = |facts| Decision::Denied(self.hide(caller, action, securable, facts));
        let Some(id) = self.securables.find(securable) else { return denied(vec![Determinant::NoSuchSecurable]) };
        let Some((owner, _)) = self.principals.principal(owner) else { return denied(vec![Determinant::UnknownPrincipal]) };
        let owner = Subject::Known(self.principals.reach(owner), Roles::NONE);
        let mut facts = vec![ground];
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
