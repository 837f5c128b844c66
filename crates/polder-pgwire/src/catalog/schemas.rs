//! The schemas that a session's questions are answered from: PostgreSQL's own two, and an empty `public`. Tables with data are in none.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemTable, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
    SchemaProvider, TableProvider,
};
use datafusion::error::Result;

use super::known::Known;
use super::statics::Statics;
use super::{Facts, information, own};

/// What a session's names lead to.
pub(super) fn catalogs(facts: &Facts, known: &Arc<Known>, statics: &Arc<Statics>) -> Result<Arc<dyn CatalogProviderList>> {
    let catalog = MemoryCatalogProvider::new();
    let system = |schema| {
        let (known, statics, facts) = (Arc::clone(known), Arc::clone(statics), facts.clone());
        Arc::new(System { schema, known, statics, facts, made: Mutex::default() })
    };
    catalog.register_schema("pg_catalog", system(Schema::Catalog))?;
    catalog.register_schema("information_schema", system(Schema::Information))?;
    // Data is asked of the platform: where a name without a schema is looked for there is nothing.
    catalog.register_schema("public", Arc::new(MemorySchemaProvider::new()))?;
    let list = MemoryCatalogProviderList::new();
    list.register_catalog(facts.database.clone(), Arc::new(catalog));
    Ok(Arc::new(list))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Schema {
    Catalog,
    Information,
}

/// A schema of PostgreSQL's own. Its tables are made when they are first asked for.
struct System {
    schema: Schema,
    known: Arc<Known>,
    statics: Arc<Statics>,
    facts: Facts,
    made: Mutex<HashMap<String, Arc<dyn TableProvider>>>,
}

impl fmt::Debug for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("System").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl System {
    fn make(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let batch = match self.schema {
            Schema::Catalog => own::table(name, &self.facts, &self.known, &self.statics)?,
            Schema::Information => information::table(name, &self.facts, &self.known)?,
        };
        if let Some(batch) = batch {
            return Ok(Some(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?)));
        }
        Ok(if self.schema == Schema::Catalog { self.statics.table(name) } else { None })
    }
}

#[async_trait]
impl SchemaProvider for System {
    fn table_names(&self) -> Vec<String> {
        match self.schema {
            Schema::Catalog => self.statics.system.keys().cloned().collect(),
            Schema::Information => information::NAMES.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if let Some(made) = self.made.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Some(Arc::clone(made)));
        }
        let made = self.make(name)?;
        // Settings and cursors change while the rest stays.
        if !matches!(name, "pg_settings" | "pg_cursors")
            && let Some(made) = &made
        {
            self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Arc::clone(made));
        }
        Ok(made)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.make(name).is_ok_and(|made| made.is_some())
    }
}
