//! Personal copies: a developer's own of what the developer changes in files, in an environment that is not production. Reading goes on
//! where it went on before for all that is not changed. What the copies are is decided in [`polder_plan::personal`].
//!
//! Copies are in catalogs of their own, which the developer owns and on which nothing is granted, and their jobs run with the developer's
//! rights: nobody sees more by a copy than without. Applying again makes of them what the files say by then.

use chrono::{DateTime, Days, Utc};
use polder_access::Action;
use polder_api::{PersonalAnswer, PersonalChange, PersonalCopy, PersonalLeft, PersonalSummary};
use polder_descriptor::Fault;
use polder_engine::TableParts;
use polder_model::job::{Job, Work};
use polder_model::resource::TableFormat;
use polder_model::{PrincipalName, Resource, Securable, TableName};
use polder_plan::Recorded;
use polder_plan::personal::{Change, Decision, Kept, May, Originals, Prefix, decide, originals};
use polder_store::{MadeObject, PersonalRow};

use crate::catalog::Act;
use crate::error::{Doing, Error, ErrorKind};
use crate::mesh;
use crate::platform::Platform;

mod expire;
mod make;

/// For how many prefixes it is looked whether somebody else has them.
const PREFIXES: u32 = 1000;

/// What is kept of somebody's copies.
fn kept(row: &PersonalRow) -> Result<Kept, Error> {
    let read = serde_json::from_value(row.detail.clone());
    read.doing(ErrorKind::Failed, format!("cannot read what is kept of the personal copies of {}", row.prefix))
}

/// What becomes of somebody's copies.
struct Wanted {
    principal: PrincipalName,
    prefix: Prefix,
    days: u32,
    originals: Originals,
    kept: Kept,
    decisions: Vec<Decision>,
    warnings: Vec<Fault>,
}

impl Platform {
    /// What the caller's personal copies would be of the files as they are now.
    ///
    /// # Errors
    /// When the environment has none, nothing is applied in it, or the files have faults.
    pub async fn plan_personal(&self) -> Result<PersonalAnswer, Error> {
        let days = self.allowed_days()?;
        let act = self.act("plan personal copies").await?;
        let wanted = self.wanted_personal(&act, days).await?;
        act.trail.done(&act.caller, "plan personal copies of", wanted.prefix.as_str());
        act.record().await?;
        Ok(self.answer(&wanted))
    }

    /// Who has personal copies: the caller's own, and everybody's for whoever manages the metastore.
    ///
    /// # Errors
    /// When that cannot be read.
    pub async fn personal(&self, now: DateTime<Utc>) -> Result<Vec<PersonalSummary>, Error> {
        let act = self.act("list personal copies").await?;
        let days = self.personal_days()?;
        let all = act.metastore.authorizer().authorize(&act.caller, Action::Manage, &Securable::Metastore).is_allowed();
        act.trail.done(&act.caller, "list", "personal copies");
        act.record().await?;
        // As where a server sweeps: what is over is not shown.
        self.sweep_personal(now).await?;
        let rows = self.personal_rows().await?;
        let shown = rows.into_iter().filter(|row| all || row.principal.as_ref() == Some(&act.caller.principal.name));
        shown
            .map(|row| {
                let kept = kept(&row)?;
                Ok(PersonalSummary {
                    objects: kept.objects.keys().map(|address| address.name().to_owned()).collect(),
                    jobs: kept.jobs.iter().map(|job| job.id.to_string()).collect(),
                    expires: expires(row.used, days),
                    used: row.used,
                    prefix: row.prefix,
                    principal: row.principal,
                })
            })
            .collect()
    }

    /// The jobs among the caller's copies, and how the copy of a job is called. The copies count as used.
    pub(crate) async fn personal_jobs(&self, principal: &PrincipalName) -> Result<(Vec<Job>, Prefix), Error> {
        let Some(row) = self.personal_row(principal).await? else {
            let message = format!("{principal} has no personal copies in {}", self.environment.name);
            return Err(Error::new(ErrorKind::NotFound, message).with_hint(format!(
                "`polder apply -e {} --personal` makes them of what the files change",
                self.environment.name
            )));
        };
        let used = self.store.personal_used(&self.environment.name, principal, Utc::now()).await;
        used.doing(ErrorKind::Unavailable, "cannot note that personal copies are used")?;
        Ok((kept(&row)?.jobs, Prefix::kept(row.prefix)))
    }

    async fn personal_row(&self, principal: &PrincipalName) -> Result<Option<PersonalRow>, Error> {
        let read = self.store.personal_of(&self.environment.name, principal).await;
        read.doing(ErrorKind::Unavailable, format!("cannot read which personal copies {principal} has"))
    }

    async fn personal_rows(&self) -> Result<Vec<PersonalRow>, Error> {
        let read = self.store.personal(&self.environment.name).await;
        read.doing(ErrorKind::Unavailable, "cannot read who has personal copies")
    }

    /// After how many days without use personal copies go; 0 where there are none.
    fn personal_days(&self) -> Result<u32, Error> {
        let mesh = mesh::read_top(&self.root)?;
        let settings = mesh.environment_settings(&self.environment.name, &mesh::process_variable);
        Ok(settings.filter(|_| !self.environment.production).map_or(0, |settings| settings.personal_days))
    }

    /// The same, where there are some.
    fn allowed_days(&self) -> Result<u32, Error> {
        match self.personal_days()? {
            days if days > 0 => Ok(days),
            _ => Err(Error::new(ErrorKind::Invalid, format!("{} has no personal copies", self.environment.name))
                .with_hint("name an environment that is not production, and whose `personalDays` are not 0")),
        }
    }

    async fn wanted_personal(&self, act: &Act<'_>, days: u32) -> Result<Wanted, Error> {
        let environment = &self.environment.name;
        if let Some(hint) = self.hint_if_empty(&act.metastore) {
            return Err(Error::new(ErrorKind::NotFound, "there is nothing to read beside what would be copied").with_hint(hint));
        }
        let (desired, warnings) = self.checked().await?;
        let state = self.store.state(environment).await;
        let state = state.doing(ErrorKind::Unavailable, format!("cannot read the state of {environment}"))?;
        let recorded = Recorded { serial: state.serial, resources: state.recorded };
        let originals = originals(&desired, &recorded, &|resource| may_copy(act, resource));
        let principal = act.caller.principal.name.clone();
        let (prefix, kept) = match self.personal_row(&principal).await? {
            Some(row) => (Prefix::kept(row.prefix.clone()), kept(&row)?),
            None => (self.free_prefix(act, &principal, &originals).await?, Kept::default()),
        };
        let mut copies = prefix.copies(&originals, &principal).ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("{prefix} is too long to stand before the name of a domain that is changed"))
                .with_hint("shorten the domain's name, or the developer's")
        })?;
        for (copy, _) in &mut copies {
            if let Resource::View(view) = copy {
                view.sql = over_copies(&view.sql, &originals, &prefix).map_err(|error| {
                    Error::new(ErrorKind::Invalid, format!("there is no copy of the view {}: {error}", view.name))
                })?;
            }
        }
        let decisions = decide(copies, &kept, &|address| act.metastore.resources().contains_key(address));
        Ok(Wanted { principal, prefix, days, originals, kept, decisions, warnings })
    }

    /// A prefix that nobody has, and under which nothing is.
    async fn free_prefix(&self, act: &Act<'_>, principal: &PrincipalName, originals: &Originals) -> Result<Prefix, Error> {
        let rows = self.personal_rows().await?;
        let is_catalog = |prefix: &Prefix| {
            originals.copied.values().any(|original| {
                let catalog = original.resource.securable().and_then(|what| prefix.catalog(what.catalog()?));
                let entry = catalog.and_then(|catalog| Securable::Catalog(catalog).address());
                entry.is_some_and(|entry| act.metastore.resources().contains_key(&entry))
            })
        };
        let mut prefixes = (1..PREFIXES).map(|number| Prefix::of(principal, number));
        let free = prefixes.find(|prefix| rows.iter().all(|row| row.prefix != prefix.as_str()) && !is_catalog(prefix));
        free.ok_or_else(|| {
            Error::new(ErrorKind::Conflict, format!("every name that {principal} could have copies under is taken"))
        })
    }

    /// What becomes of each copy, for whoever asked.
    fn answer(&self, wanted: &Wanted) -> PersonalAnswer {
        let copies = wanted.decisions.iter().map(|decision| PersonalCopy {
            address: decision.address.to_string(),
            change: match decision.change {
                Change::Make => PersonalChange::Make,
                Change::Keep => PersonalChange::Keep,
                Change::Remake | Change::TakeOver => PersonalChange::Remake,
                Change::Remove => PersonalChange::Remove,
            },
            why: decision.why.clone(),
        });
        let left = wanted.originals.left.iter();
        PersonalAnswer {
            environment: self.environment.name.clone(),
            principal: wanted.principal.clone(),
            prefix: wanted.prefix.to_string(),
            copies: copies.collect(),
            left: left.map(|left| PersonalLeft { address: left.address.to_string(), why: left.why.clone() }).collect(),
            days: wanted.days,
            warnings: wanted.warnings.iter().filter_map(|fault| serde_json::to_value(fault).ok()).collect(),
        }
    }
}

/// The key under which a catalog of copies keeps its prefix.
const PREFIX: &str = "personal";

/// What the names of a catalog's copies begin with, where it is one of copies.
pub(crate) fn prefix_of(made: &MadeObject) -> Option<&str> {
    made.detail.get(PREFIX)?.as_str()
}

/// When copies that were last used at a time go.
fn expires(used: DateTime<Utc>, days: u32) -> DateTime<Utc> {
    used.checked_add_days(Days::new(days.into())).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// What makes room for a copy of something in a domain: the right to make tables beside it.
fn right_beside(act: &Act<'_>, name: &TableName) -> (Action, Securable) {
    let there = |what: &Securable| what.address().is_some_and(|address| act.metastore.resources().contains_key(&address));
    let schema = Securable::Schema(name.catalog.clone(), name.schema.clone());
    let catalog = Securable::Catalog(name.catalog.clone());
    if there(&schema) {
        (Action::CreateTable, schema)
    } else if there(&catalog) {
        (Action::CreateSchema, catalog)
    } else {
        (Action::CreateCatalog, Securable::Metastore)
    }
}

fn may_copy(act: &Act<'_>, resource: &Resource) -> May {
    let may = |action, on: &Securable| act.metastore.authorizer().authorize(&act.caller, action, on).is_allowed();
    let name = match resource {
        Resource::Table(table) => &table.name,
        Resource::View(view) => &view.name,
        Resource::Job(job) => match &job.sink {
            Some(sink) => &sink.table,
            None => return May::NotKnow,
        },
        _ => return May::NotKnow,
    };
    let (action, on) = right_beside(act, name);
    if !may(action, &on) {
        return match act.metastore.authorizer().visible(&act.caller, &act.table_or_view(name)) {
            true => May::Not(format!("you may make no tables in {}.{}", name.catalog, name.schema)),
            false => May::NotKnow,
        };
    }
    match resource {
        Resource::Table(table) if table.format == TableFormat::Parquet => {
            May::Not("it is a folder of Parquet files, which others write".to_owned())
        }
        // Which files is for the job's descriptor to say, and nobody has looked at that yet.
        Resource::Job(job) if matches!(job.work, Work::Ingest(_)) && !may(Action::Manage, &Securable::Metastore) => {
            May::Not("it reads files with the platform's rights, so it takes the right to apply".to_owned())
        }
        _ => May::Copy,
    }
}

/// A view's query over the copies of what it reads.
fn over_copies(sql: &str, originals: &Originals, prefix: &Prefix) -> Result<String, polder_engine::QueryError> {
    let copied = |name: &TableName| {
        let table = Securable::Table(name.clone()).address();
        let view = Securable::View(name.clone()).address();
        table.into_iter().chain(view).any(|address| originals.copied.contains_key(&address))
    };
    polder_engine::with_tables(sql, &|parts: &TableParts| {
        let name: TableName = parts.to_string().parse().ok()?;
        let copy = prefix.table(&name).filter(|_| copied(&name))?;
        Some(TableParts::dotted(&copy.to_string()))
    })
}
