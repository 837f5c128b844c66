//! The grants that hold, shown, and written back as a file of the repository, so that git stays the record.
//!
//! What was given on request is written as a record: `request` and `until` say so, and lowering leaves it out, for the control
//! plane gives it and ends it. A grant of a catalog client is written as a grant of its environment like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use polder_access::Action;
use polder_access::request::Request;
use polder_api::{AccessExport, AccessGrant};
use polder_model::{PrincipalKind, PrincipalName, Privilege, Securable};
use polder_store::LiveGrant;
use uuid::Uuid;

use super::{AccessDesk, shape};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

impl Platform {
    /// The grants that no file declares and that hold now: the caller's own, and those on what it governs.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn access_grants(&self, desk: &AccessDesk, now: DateTime<Utc>) -> Result<Vec<AccessGrant>, Error> {
        let scene = self.scene(desk, now).await?;
        let trail = self.trail("list grants");
        trail.done(&scene.caller, "list", &format!("grants of {}", self.environment.name));
        self.record(&trail).await?;
        let authorizer = scene.metastore.authorizer();
        let name = &scene.caller.principal.name;
        let mine: BTreeSet<PrincipalName> =
            authorizer.groups_of(name).into_iter().map(|membership| membership.group).chain([name.clone()]).collect();
        let governs = |securable: &Securable| authorizer.authorize(&scene.caller, Action::Inspect, securable).is_allowed();
        let live = self.live(now).await?;
        let seen = live.into_iter().filter(|live| mine.contains(&live.grant.principal) || governs(&live.grant.securable));
        Ok(seen.map(shown).collect())
    }

    /// Writes the grants that hold as a file of the repository. Takes what inspecting the metastore takes.
    ///
    /// # Errors
    /// When the caller may not, or the grants cannot be read.
    pub async fn export_grants(&self, now: DateTime<Utc>) -> Result<AccessExport, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = self.trail("export grants");
        let permit = Self::permit(&metastore, &trail, &caller, Action::Inspect, &Securable::Metastore);
        self.record(&trail).await?;
        permit?;
        let (mut records, mut others) = (BTreeMap::new(), Vec::new());
        for live in self.live(now).await? {
            match live.request {
                Some(id) if records.contains_key(&id) => {}
                Some(id) => {
                    records.extend(self.request_of(id).await?.map(|request| (id, request)));
                }
                None => others.push(live),
            }
        }
        let environment = self.environment.name.as_str();
        let mut text = heading(environment);
        write_records(&mut text, environment, records.values());
        let kind = |name: &PrincipalName| metastore.authorizer().principal(name).map(|principal| principal.kind);
        write_others(&mut text, environment, &others, &kind);
        let path = format!("access/granted-{environment}.yaml");
        Ok(AccessExport { path, text, requests: records.len(), others: others.len() })
    }

    async fn live(&self, now: DateTime<Utc>) -> Result<Vec<LiveGrant>, Error> {
        let live = self.store.live_grants(&self.environment.name, now).await;
        live.doing(ErrorKind::Unavailable, "cannot read the grants")
    }

    async fn request_of(&self, id: Uuid) -> Result<Option<Request>, Error> {
        let found = self.store.request(&self.environment.name, id).await;
        let found = found.doing(ErrorKind::Unavailable, "cannot read the access request of a grant")?;
        Ok(found.map(shape::read).transpose()?.map(|read| read.request))
    }
}

fn shown(live: LiveGrant) -> AccessGrant {
    AccessGrant {
        request: live.request,
        on: live.grant.securable.to_string(),
        to: live.grant.principal,
        privileges: live.grant.privileges.iter().map(|privilege| privilege.as_str().to_owned()).collect(),
        since: live.granted,
        until: live.expires,
    }
}

fn heading(environment: &str) -> String {
    format!(
        "# What holds in {environment} beside the grants of the other files: written by `polder access export -e {environment}`.\n\
         # Entries with `request` and `until` are records. The control plane holds them, and ends them by itself.\n"
    )
}

/// Sorted by what they are on, to whom and how, so that only what changed is a change of the file.
fn write_records<'r>(text: &mut String, environment: &str, requests: impl Iterator<Item = &'r Request>) {
    let mut entries: Vec<(String, String)> = requests.map(|request| record(environment, request)).collect();
    entries.sort();
    if entries.is_empty() {
        text.push_str("grants: []\n");
        return;
    }
    text.push_str("grants:\n");
    entries.iter().for_each(|(_, entry)| text.push_str(entry));
}

/// What people wrote stands in comments: there it is nothing but text, whatever it holds, and it has no ends of lines.
fn record(environment: &str, request: &Request) -> (String, String) {
    let ask = request.ask();
    let approvals = request.standing().approvals().iter();
    let approvers = approvals.map(|one| format!("{} on {}", one.by, one.at.format("%Y-%m-%d"))).collect::<Vec<_>>().join(", ");
    let (on, to, level) = (ask.securable.full_name(), &ask.beneficiary, shape::level_word(ask.level));
    let mut entry = format!("  # requested by {} for: {}\n  # approved by {approvers}\n", ask.requester, ask.purpose);
    let until = ask.until.to_rfc3339_opts(SecondsFormat::Secs, true);
    // Writing to a string cannot fail.
    let _ = write!(
        entry,
        "  - to: \"{to}\"\n    on: {on}\n    level: {level}\n    until: \"{until}\"\n    request: \"{}\"\n    environment: {environment}\n",
        request.id()
    );
    (format!("{on} {to} {level} {}", request.id()), entry)
}

fn write_others(
    text: &mut String,
    environment: &str,
    others: &[LiveGrant],
    kind: &dyn Fn(&PrincipalName) -> Option<PrincipalKind>,
) {
    let mut given: BTreeMap<(String, &PrincipalName), BTreeSet<Privilege>> = BTreeMap::new();
    for LiveGrant { grant, .. } in others {
        given.entry((grant.securable.full_name(), &grant.principal)).or_default().extend(&grant.privileges);
    }
    let words = |privileges: &BTreeSet<Privilege>| {
        privileges.iter().map(|privilege| format!("\"{}\"", privilege.as_str())).collect::<Vec<_>>().join(", ")
    };
    let line = |((on, to), privileges): (&(String, &PrincipalName), &BTreeSet<Privilege>)| {
        format!("{{to: \"{to}\", on: {on}, privileges: [{}]}}", words(privileges))
    };
    let (to_groups, to_people): (Vec<_>, Vec<_>) =
        given.iter().partition(|((_, to), _)| matches!(kind(to), Some(PrincipalKind::Group | PrincipalKind::ServicePrincipal)));
    if !to_people.is_empty() {
        text.push_str("\n# Given to people by clients of the catalog. Files grant to groups: these hold without a file until they are revoked.\n");
        to_people.into_iter().for_each(|one| {
            let _ = writeln!(text, "# {}", line(one));
        });
    }
    if !to_groups.is_empty() {
        let _ = write!(text, "\n# Given by clients of the catalog.\nenvironments:\n  {environment}:\n    grants:\n");
        to_groups.into_iter().for_each(|one| {
            let _ = writeln!(text, "      - {}", line(one));
        });
    }
}
