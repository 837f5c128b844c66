//! Whose turn it is to write a table. Of this process's statements that read what they change one works at a time on each table, in the
//! order in which they came: at once, all but one would do their work for nothing. Other processes' writes are found out by their
//! commits, and a statement that lost to one waits a little before it tries again.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use polder_lake::Staged;
use polder_model::TableName;
use tokio::sync::OwnedMutexGuard;

use super::rows::Target;
use crate::error::{Error, ErrorKind};
use crate::platform::Platform;

/// How often a write is made again when others write to the same table.
const WRITE_ATTEMPTS: u32 = 10;
/// How long is waited at most before a second try, and before any other; each waits up to twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The right to write a table before any other writer of this process. It is over when dropped.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// The queues of an environment's tables. There is one for as long as somebody is in it.
#[derive(Debug, Default)]
pub(crate) struct Queues(Mutex<HashMap<TableName, Weak<tokio::sync::Mutex<()>>>>);

impl Queues {
    /// Waits for the turn to write a table.
    pub(crate) async fn turn(&self, table: &TableName) -> Turn {
        self.of(table).lock_owned().await
    }

    /// The turn to write a table, if nobody has it.
    fn turn_now(&self, table: &TableName) -> Option<Turn> {
        self.of(table).try_lock_owned().ok()
    }

    fn of(&self, table: &TableName) -> Arc<tokio::sync::Mutex<()>> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(table).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::default();
        queues.insert(table.clone(), Arc::downgrade(&queue));
        queue
    }
}

/// A statement's tries to write a table.
pub(super) struct Tries<'a> {
    platform: &'a Platform,
    name: &'a TableName,
    sql: &'a str,
    made: u32,
    turn: Option<Turn>,
}

impl Platform {
    /// Begins to write a table; no try is made yet.
    pub(super) const fn tries<'a>(&'a self, name: &'a TableName, sql: &'a str) -> Tries<'a> {
        Tries { platform: self, name, sql, made: 0, turn: None }
    }
}

impl Tries<'_> {
    /// Opens the table for the next try, in this statement's turn if what it writes depends on what is there, or if it was outpaced
    /// before.
    ///
    /// # Errors
    /// When the caller may not write it, or others were faster too often.
    pub(super) async fn next(&mut self, depends: impl FnOnce(&Target) -> bool) -> Result<Target, Error> {
        if self.made == WRITE_ATTEMPTS {
            return Err(outpaced(self.name));
        }
        if self.made > 0 {
            tokio::time::sleep(pause(self.made)).await;
        }
        self.made += 1;
        // Whoever may not write it stands in nobody's way.
        let target = self.platform.target(self.name, self.sql).await?;
        if self.turn.is_some() || (self.made == 1 && !depends(&target)) {
            return Ok(target);
        }
        self.turn = self.platform.queues.turn_now(self.name);
        if self.turn.is_some() {
            return Ok(target);
        }
        self.turn = Some(self.platform.queues.turn(self.name).await);
        // It may be another table by now, or one that the caller may not write any more.
        self.platform.target(self.name, self.sql).await
    }

    /// Makes a staged write visible if the table's checks hold of it. `None` where another writer came first: then there is a next try.
    ///
    /// # Errors
    /// When a check does not hold, or the table cannot be committed to.
    pub(super) async fn commit(&mut self, target: &Target, staged: Staged) -> Result<Option<u64>, Error> {
        // What only adds rows is made beside others' work, and made visible between them.
        if self.turn.is_none() {
            self.turn = Some(self.platform.queues.turn(self.name).await);
        }
        let committed = self.platform.commit_checked(target, staged).await?;
        if committed.is_some() {
            self.turn = None;
            drop(self.platform.keep_copies(&target.metastore, &BTreeSet::from([target.table.name.clone()])).await);
        }
        Ok(committed)
    }
}

/// How long to wait after so many tries: any time up to a bound that doubles, so that those who met once do not meet again.
fn pause(made: u32) -> Duration {
    let most = FIRST_PAUSE.saturating_mul(1 << (made.clamp(1, 16) - 1)).min(LONGEST_PAUSE);
    let part = getrandom::u32().unwrap_or(u32::MAX / 2);
    most.mul_f64(f64::from(part) / f64::from(u32::MAX))
}

/// Others were always faster.
fn outpaced(name: &TableName) -> Error {
    let message = format!("other writers came first {WRITE_ATTEMPTS} times at {name}");
    Error::new(ErrorKind::Outpaced, message).with_hint("try again when they have ended")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_come_in_the_order_of_the_queue_which_ends_with_them() {
        let queues = Arc::new(Queues::default());
        let (one, other): (TableName, TableName) = ("a.bronze.one".parse().unwrap(), "a.bronze.other".parse().unwrap());
        let turn = queues.turn(&one).await;
        assert!(queues.turn_now(&one).is_none());
        assert!(queues.turn_now(&other).is_some(), "another table's writers do not wait");
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = tokio::task::JoinSet::new();
        for number in 0..5 {
            let (queues, order, one) = (Arc::clone(&queues), Arc::clone(&order), one.clone());
            waiting.spawn(async move {
                let _turn = queues.turn(&one).await;
                order.lock().unwrap().push(number);
            });
            tokio::task::yield_now().await;
        }
        drop(turn);
        while waiting.join_next().await.is_some() {}
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
        drop(queues.turn(&other).await);
        assert_eq!(queues.0.lock().unwrap().len(), 1, "queues that nobody is in are forgotten");
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        assert!((1..100).all(|_| pause(1) <= FIRST_PAUSE));
        assert!((1..100).all(|made| pause(made) <= LONGEST_PAUSE));
    }
}
