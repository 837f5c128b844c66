//! Commits to tables that clients made and the catalog decides about. What is decided is published into the log by whoever comes
//! first, the client or the server; a crash in between leaves it for the next commit.

use polder_access::Action;
use polder_model::{Resource, Securable};
use polder_store::{Alteration, Commit, CommitOutcome, CommitRequest, TableCommits};
use uuid::Uuid;

use super::{Act, CatalogObject, TableChange, not_there};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// What a client wants of a table, all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct CommitAsked {
    /// Where it believes the table's files to be.
    pub url: Option<String>,
    /// A new version.
    pub commit: Option<Commit>,
    /// The newest version that it has published.
    pub published: Option<i64>,
    /// What else changes with it.
    pub change: TableChange,
}

/// A table with its commits that are not published.
#[derive(Debug, Clone)]
pub struct CommitsAnswer {
    /// The table.
    pub object: CatalogObject,
    /// Its commits; `None` when the catalog does not decide about them.
    pub commits: Option<TableCommits>,
}

impl Platform {
    /// Makes a table's next version, or notes what was published.
    ///
    /// # Errors
    /// When the caller may not write the table, or the commit's file is not there. What became of it is in the outcome.
    pub async fn commit_table(&self, id: Uuid, asked: &CommitAsked) -> Result<CommitOutcome, Error> {
        let act = self.act("commit").await?;
        let what = self.table_of(&act, id).await?;
        act.demand(Action::Write, &what).await?;
        let object = act.made_object(&what).await?;
        act.same_place(&object, asked.url.as_deref())?;
        if let Some(commit) = &asked.commit {
            act.is_staged(&object, commit).await?;
        }
        let resource = asked.change.of(&object.resource);
        let alteration = Alteration {
            resource: &resource,
            properties: asked.change.properties.as_ref(),
            detail: asked.change.detail.as_ref(),
        };
        let request = CommitRequest {
            commit: asked.commit.as_ref(),
            published: asked.published,
            alteration: (!asked.change.is_empty()).then_some(alteration),
            expected_revision: asked.change.expected_revision,
        };
        let by = &act.caller.principal.name;
        let outcome = self.store.commit(self.environment(), object.id, &request, by, act.now).await;
        let outcome = outcome.doing(ErrorKind::Unavailable, format!("cannot commit to {what}"))?;
        if asked.commit.is_some()
            && matches!(outcome, CommitOutcome::Done | CommitOutcome::AlreadyDone)
            && let Err(error) = self.publish(&object).await
        {
            // The commit holds: its client knows it, and the next one publishes it too.
            tracing::warn!(table = %what, error = %polder_model::text::with_causes(&error), "a commit waits to be published");
        }
        Ok(outcome)
    }

    /// A table's commits that are not published.
    ///
    /// # Errors
    /// When the caller may not read the table.
    pub async fn table_commits(
        &self,
        id: Uuid,
        url: Option<&str>,
        from: i64,
        until: Option<i64>,
    ) -> Result<CommitsAnswer, Error> {
        let act = self.act("list commits").await?;
        let what = self.table_of(&act, id).await?;
        act.demand(Action::Read, &what).await?;
        let object = act.object(&what).await?;
        act.same_place(&object, url)?;
        let commits = self.store.commits(self.environment(), object.id, from, until).await;
        Ok(CommitsAnswer { object, commits: commits.doing(ErrorKind::Unavailable, "cannot read the table's commits")? })
    }

    async fn table_of(&self, act: &Act<'_>, id: Uuid) -> Result<Securable, Error> {
        match self.named_by(act, id).await? {
            Some(what @ Securable::Table(_)) => Ok(what),
            _ => Err(not_there(&id.to_string())),
        }
    }

    /// Puts what was decided into the log, in order.
    async fn publish(&self, object: &CatalogObject) -> Result<(), Error> {
        let Resource::Table(table) = &*object.resource else { return Ok(()) };
        let unavailable = "cannot publish commits";
        let commits = self.store.commits(self.environment(), object.id, 0, None).await;
        let Some(waiting) = commits.doing(ErrorKind::Unavailable, unavailable)? else { return Ok(()) };
        let mut published = None;
        for commit in &waiting.commits {
            let version = u64::try_from(commit.version).doing(ErrorKind::Failed, unavailable)?;
            let done = self.lake.publish_commit(&table.location, &commit.file_name, version).await;
            done.doing(ErrorKind::Unavailable, unavailable)?;
            self.hot.note_change();
            polder_model::fault::point("catalog.commit.published");
            published = Some(commit.version);
        }
        if published.is_none() {
            return Ok(());
        }
        let request = CommitRequest { published, ..CommitRequest::default() };
        let by = object.resource.owner().ok_or_else(|| not_there("table"))?;
        let noted = self.store.commit(self.environment(), object.id, &request, by, chrono::Utc::now()).await;
        match noted.doing(ErrorKind::Unavailable, unavailable)? {
            CommitOutcome::Done | CommitOutcome::AlreadyDone => Ok(()),
            other => Err(Error::new(ErrorKind::Conflict, format!("what was published could not be noted: {other:?}"))),
        }
    }
}

impl Act<'_> {
    fn same_place(&self, object: &CatalogObject, url: Option<&str>) -> Result<(), Error> {
        let located = |url: &str| self.platform.lake.locate(url);
        match (url, &object.url) {
            (Some(asked), Some(is)) if located(asked).is_none() || located(asked) != located(is) => {
                Err(Error::new(ErrorKind::Invalid, "the table's files are not at this URL: load the table again"))
            }
            _ => Ok(()),
        }
    }

    /// Sees that a commit's file is there, whole, and named for its version: what is acknowledged must be there to be read.
    async fn is_staged(&self, object: &CatalogObject, commit: &Commit) -> Result<(), Error> {
        let Resource::Table(table) = &*object.resource else { return Err(not_there("table")) };
        let invalid = |why: &str| Error::new(ErrorKind::Invalid, why.to_owned());
        let named = || {
            let (version, rest) = commit.file_name.split_once('.')?;
            let uuid = rest.strip_suffix(".json")?;
            let plain = version.len() == 20 && version.bytes().all(|byte| byte.is_ascii_digit()) && uuid.len() == 36;
            (plain && version.parse() == Ok(commit.version) && Uuid::parse_str(uuid).is_ok()).then_some(())
        };
        named()
            .ok_or_else(|| invalid("a staged commit is named <version, 20 digits>.<uuid>.json, for the version that it makes"))?;
        let size = self.platform.lake.staged_commit(&table.location, &commit.file_name).await;
        match size.doing(ErrorKind::Unavailable, "cannot look for the staged commit")? {
            None => Err(invalid("there is no such file in _delta_log/_staged_commits")),
            Some(size) if i64::try_from(size) != Ok(commit.file_size) => Err(invalid("the staged commit has another size")),
            Some(_) => Ok(()),
        }
    }
}
