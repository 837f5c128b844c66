//! What files say of one another: whether what is referred to exists, fits, and leads nowhere in a circle.

mod connections;
mod cycles;
mod data;
mod grants;
mod jobs;
mod organization;

use std::sync::Arc;

use polder_model::{PrincipalKind, PrincipalName};

use crate::fault::{Fault, Span};
use crate::index::Index;
use crate::reader::Spanned;
use crate::suggest;

/// Checks one view of the mesh.
pub(crate) fn check(index: &Index<'_>, faults: &mut Vec<Fault>) {
    let mut checker = Checker { index, faults };
    checker.organization();
    checker.domains();
    checker.datasets();
    checker.shares();
    checker.connections();
    checker.jobs();
    checker.access();
    checker.group_cycles();
    checker.job_cycles();
}

struct Checker<'i, 'v> {
    index: &'i Index<'v>,
    faults: &'i mut Vec<Fault>,
}

impl<'v> Checker<'_, 'v> {
    fn error(
        &mut self,
        file: &Arc<str>,
        span: Span,
        code: &'static str,
        offending: &str,
        message: impl Into<String>,
    ) -> &mut Fault {
        self.faults.push(Fault::error(file, span, code, offending, message));
        self.faults.last_mut().expect("one was pushed on the line before")
    }

    /// Says that nothing has this name: the nearest name that something has, or else what to do.
    fn missing<'c>(
        &mut self,
        file: &Arc<str>,
        span: Span,
        (code, what, name): (&'static str, &str, &str),
        known: impl Iterator<Item = &'c str> + Clone,
        otherwise: &str,
    ) {
        let near = suggest::nearest(name, known).map(|near| format!("did you mean '{near}'?"));
        self.error(file, span, code, name, format!("there is no {what} '{name}'")).help =
            Some(near.unwrap_or_else(|| otherwise.to_owned()));
    }

    fn names_of(&self, kinds: &'static [PrincipalKind]) -> impl Iterator<Item = &'v str> + Clone {
        self.index.principals.iter().filter(|(_, known)| kinds.contains(&known.kind)).map(|(name, _)| *name)
    }

    /// Says so when a principal does not exist or is of another kind than may stand here.
    fn principal(&mut self, file: &Arc<str>, name: &Spanned<PrincipalName>, kinds: &'static [PrincipalKind], role: &str) {
        let (code, what, otherwise) = match kinds {
            [PrincipalKind::Group] => ("missing-group", "group", "declare it under 'groups' in polder.yaml"),
            [PrincipalKind::ServicePrincipal] => {
                let otherwise = "declare it under 'servicePrincipals' of the domain or of polder.yaml";
                ("missing-service-principal", "service principal", otherwise)
            }
            _ => ("missing-principal", "principal", "declare it under 'users', 'servicePrincipals' or 'groups' in polder.yaml"),
        };
        let text = name.value.as_str();
        match self.index.principals.get(text).map(|known| known.kind) {
            Some(kind) if kinds.contains(&kind) => {}
            Some(kind) => {
                let message = format!("{role} is a {what}, and '{text}' is a {kind}");
                let help = format!("name a {what}");
                self.error(file, name.span, "wrong-principal", text, message).help = Some(help);
            }
            None => {
                let known: Vec<&str> = self.names_of(kinds).collect();
                self.missing(file, name.span, (code, what, text), known.into_iter(), otherwise);
            }
        }
    }

    /// The kinds of principal that may own something.
    fn owners(&self) -> &'static [PrincipalKind] {
        const ANYONE: &[PrincipalKind] = &[PrincipalKind::Group, PrincipalKind::User, PrincipalKind::ServicePrincipal];
        if self.index.view.organization.grants_to_anyone { ANYONE } else { &[PrincipalKind::Group] }
    }
}
