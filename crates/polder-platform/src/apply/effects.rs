//! A plan's effects over the lake. Entries of the metastore are the journal's.

use async_trait::async_trait;
use polder_apply::{EffectError, Effects, StepDetail};
use polder_lake::Lake;
use polder_plan::{Effect, Step};

use crate::platform::Platform;

/// Carries out effects on buckets, folders and tables.
pub(super) struct LakeEffects<'a>(pub(super) &'a Lake);

#[async_trait]
impl Effects for LakeEffects<'_> {
    async fn carry_out(&self, step: &Step) -> Result<StepDetail, EffectError> {
        let Self(lake) = self;
        match &step.effect {
            Effect::MakeBucket(bucket) => lake.make_bucket(bucket).await?,
            Effect::RemoveBucket(bucket) => lake.remove_bucket(bucket).await?,
            Effect::CreateTable { table, table_id } => lake.create_table(table, *table_id).await?,
            Effect::AlterTable { table, .. } => lake.alter_table(table).await?,
            Effect::DropTableData { table, location } => {
                Platform::drop_copies(lake, table, location).await?;
                lake.drop_table(location).await?;
            }
            Effect::MakeFolder(location) => lake.make_folder(location).await?,
            Effect::RemoveFolder(location) => lake.drop_table(location).await?,
            Effect::PutEntry(_) | Effect::RemoveEntry(_) => {
                return Err("an entry of the metastore is written with its record, not by the lake".into());
            }
        }
        Ok(String::new())
    }
}
