//! What of the data a reader sees: masked columns and row filters.

use polder_model::Privilege;

use crate::authorizer::{Authorizer, Subject, granted};
use crate::permit::{ColumnRule, Determinant};
use crate::securables::SecurableId;

/// The form in which data may be seen. The default is whole and in clear.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    pub(crate) column_rules: Vec<ColumnRule>,
    pub(crate) row_conditions: Option<Vec<String>>,
    pub(crate) facts: Vec<Determinant>,
}

impl Authorizer {
    /// What a subject that may read a table or view sees of it. Owners, of it or of what it is in, see everything.
    pub(crate) fn sight(&self, subject: Subject<'_>, id: SecurableId) -> Sight {
        let mut sight = Sight::default();
        let node = self.securables.node(id);
        let Subject::Known(reach, _) = subject else {
            return sight;
        };
        if self.ownership(reach, id).is_some() {
            return sight;
        }
        if !node.masks.is_empty() {
            match granted(reach, &self.held(reach, id), Privilege::ReadPii) {
                Some(ground) => sight.facts.extend(self.told(subject, &[ground])),
                None => {
                    sight.column_rules.clone_from(&node.masks);
                    sight.facts.push(self.missing(Privilege::ReadPii, id));
                }
            }
        }
        if !node.row_filters.is_empty() {
            let mine = node.row_filters.iter().filter(|(group, _)| reach.depth(*group).is_some());
            let mut conditions = Vec::new();
            for (group, condition) in mine {
                conditions.push(condition.clone());
                sight.facts.push(Determinant::RowFilter { group: self.principals.name(*group).to_string() });
            }
            sight.row_conditions = Some(conditions);
        }
        sight
    }
}
