//! `CREATE TABLE ... CLONE`: a table of another's files, with its masks, row filters and checks, and what was granted on it.

use arrow::array::RecordBatch;
use polder_access::Action;
use polder_engine::AsOf;
use polder_engine::command::CloneTable;
use polder_model::{Resource, Securable};

use super::names::new_table_name;
use super::{answer, table_name};
use crate::catalog::{NativeTable, not_there};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

impl Platform {
    pub(super) async fn clone_table(&self, clone: &CloneTable) -> Result<RecordBatch, Error> {
        let (name, from) = (new_table_name(&clone.name)?, table_name(&clone.source)?);
        let act = self.act("clone").await?;
        if clone.if_not_exists && act.metastore.table_or_view(&name).is_some() && act.sees(&name) {
            return answer::told(format!("{name} is there already"));
        }
        let permit = act.demand(Action::Read, &act.table_or_view(&from)).await?;
        let source = match act.metastore.table_or_view(&from) {
            Some(Resource::Table(source)) => source.as_ref().clone(),
            Some(_) => {
                let message = format!("{from} is a view, which has no files");
                return Err(Error::new(ErrorKind::Invalid, message).with_hint("make a table AS SELECT * of it"));
            }
            None => return Err(not_there(&from.to_string())),
        };
        if !permit.is_whole() {
            let message = format!("{from} is cloned by those who see all of it in clear: some of it is masked or hidden for you");
            return Err(Error::new(ErrorKind::Denied, message).with_hint("make a table AS SELECT of what you may see"));
        }
        let at = match clone.as_of {
            None => polder_lake::AsOf::Latest,
            Some(AsOf::Version(version)) => polder_lake::AsOf::Version(version),
            Some(AsOf::Timestamp(time)) => polder_lake::AsOf::Timestamp(time),
        };
        let unnamed = self.unnamed_table(&act, NativeTable::like(&source, name.clone())).await?;
        let (id, table) = (unnamed.id, unnamed.table.clone());
        let cloned = self.lake.clone_table(&permit, &source, at, &table, id, clone.shallow).await;
        let cloned = match cloned.doing(ErrorKind::Invalid, format!("cannot clone {from}")) {
            Ok(cloned) => match self.name_table(&act, unnamed).await {
                Ok(_) => cloned,
                Err(error) => return self.given_up(id, &table, error).await,
            },
            Err(error) => return self.given_up(id, &table, error).await,
        };
        let granted = self.grant_alike(&act, &from, &name).await?;
        let how = if cloned.linked { "linked" } else { "copied" };
        let grants = if granted > 0 { format!(", granted as {} is", Securable::Table(from.clone())) } else { String::new() };
        answer::told(format!(
            "cloned version {} of {from} to {name}: {} files {how}{grants}",
            cloned.source_version, cloned.files
        ))
    }

    async fn given_up<T>(&self, id: uuid::Uuid, table: &polder_model::resource::Table, error: Error) -> Result<T, Error> {
        self.abandon_table(id, table).await;
        Err(error)
    }
}
