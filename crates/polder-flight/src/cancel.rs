//! Queries whose rows are being sent by this server, so that whoever asked one may end it by another request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::stream::{AbortHandle, Abortable, BoxStream};
use futures::{Stream, StreamExt as _};
use tonic::Status;

/// The queries under way.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<Queries>>);

#[derive(Debug, Default)]
struct Queries {
    next: u64,
    all: HashMap<u64, Query>,
}

#[derive(Debug)]
struct Query {
    /// Who asked.
    name: String,
    /// By what.
    id: Bytes,
    end: AbortHandle,
}

impl UnderWay {
    /// Sends a query's rows until they end, nobody reads them any more, or [`Self::cancel`] ends them.
    pub(crate) fn send<T: Send + 'static>(
        &self,
        name: String,
        id: Bytes,
        rows: impl Stream<Item = Result<T, Status>> + Send + 'static,
    ) -> BoxStream<'static, Result<T, Status>> {
        let (end, registration) = AbortHandle::new_pair();
        let mut queries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = queries.next;
        queries.next += 1;
        queries.all.insert(key, Query { name, id, end: end.clone() });
        drop(queries);
        let entry = Entry { queries: self.0.clone(), key };
        let rows = Abortable::new(rows, registration).map(move |row| {
            let _under_way = &entry;
            row
        });
        // Rows that were cut off are not to be taken for all there are.
        let cut_off = futures::stream::once(async move { end.is_aborted() })
            .filter_map(async |aborted| aborted.then(|| Err(Status::cancelled("the query was cancelled"))));
        rows.chain(cut_off).boxed()
    }

    /// Ends a query of somebody's; false when this server is sending none of its rows.
    pub(crate) fn cancel(&self, name: &str, id: &Bytes) -> bool {
        let queries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<&Query> = queries.all.values().filter(|query| query.name == name && query.id == *id).collect();
        found.iter().for_each(|query| query.end.abort());
        !found.is_empty()
    }
}

/// A query's place among those under way, for as long as its rows are sent.
#[derive(Debug)]
struct Entry {
    queries: Arc<Mutex<Queries>>,
    key: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.queries.lock().unwrap_or_else(PoisonError::into_inner).all.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn a_query_is_cancelled_by_whoever_asked_it_and_by_nobody_else() {
        let under_way = UnderWay::default();
        let id = Bytes::from_static(b"one");
        let mut rows = under_way.send("ana".to_owned(), id.clone(), futures::stream::repeat_with(|| Ok(1)));
        assert!(rows.next().await.unwrap().is_ok());
        assert!(!under_way.cancel("otto", &id) && !under_way.cancel("ana", &Bytes::from_static(b"two")));
        assert!(rows.next().await.unwrap().is_ok());
        assert!(under_way.cancel("ana", &id));
        assert_eq!(rows.next().await.unwrap().unwrap_err().code(), Code::Cancelled);
        assert!(rows.next().await.is_none());
        drop(rows);
        assert!(!under_way.cancel("ana", &id));
    }

    #[tokio::test]
    async fn rows_that_end_by_themselves_end_well() {
        let under_way = UnderWay::default();
        let rows = under_way.send("ana".to_owned(), Bytes::new(), futures::stream::iter([Ok(1), Ok(2)]));
        assert_eq!(rows.filter_map(async |row| row.ok()).collect::<Vec<_>>().await, [1, 2]);
        assert!(under_way.0.lock().unwrap().all.is_empty());
    }
}
