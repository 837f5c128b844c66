//! Writers of one table in two processes, each of which has a platform of its own and knows nothing of the other's queue.

use crate::mesh::{Mesh, TABLE, names};

#[tokio::test(flavor = "multi_thread")]
async fn writers_in_two_processes_all_come_to_write() {
    let mesh = Mesh::loaded().await;
    let both = [mesh.platform(Some("olga")).await, mesh.platform(Some("olga")).await];
    let mut work = tokio::task::JoinSet::new();
    for number in 0..16 {
        let platform = both[number % 2].clone();
        let sql = format!("UPDATE {TABLE} SET name = name || 'x' WHERE id = 1");
        work.spawn(async move { platform.statement(&sql, Vec::new()).await.map(drop) });
    }
    while let Some(done) = work.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(names(&both[0]).await.unwrap(), format!("Eva{} Tom", "x".repeat(16)));
}
