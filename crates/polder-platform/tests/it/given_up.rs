//! Work that is given up while its process lives on, as a server's is when it is cancelled.

use std::time::{Duration, Instant};

use polder_platform::{Apply, ErrorKind, RunOptions, Selection};
use tokio::sync::Notify;

use crate::mesh::Mesh;

fn fresh() -> Apply {
    Apply::Fresh { allow_destroy: Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_is_given_up_halfway_keeps_no_other_out_and_is_finished_by_it() {
    let mesh = Mesh::loaded().await;
    let platform = mesh.platform(None).await;
    let dataset = mesh.folder.path().join("domains/finance/datasets");
    for number in 0..20 {
        let text = format!("{{entityName: more_{number}, entityVersion: v1, columns: [{{name: id, type: bigint}}]}}\n");
        std::fs::write(dataset.join(format!("more_{number}.yaml")), text).unwrap();
    }
    let begun = Notify::new();
    let mut observer = |_| begun.notify_one();
    tokio::select! {
        done = platform.apply(fresh(), &mut observer) => panic!("it was to be given up: {done:?}"),
        () = begun.notified() => {}
    }
    // Its lease is given back a moment later; unattended it would last for ten minutes.
    let waited = Instant::now();
    let report = loop {
        match platform.apply(fresh(), &mut |_| {}).await {
            Err(error) if error.kind() == ErrorKind::Conflict && waited.elapsed() < Duration::from_secs(20) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            other => break other.unwrap(),
        }
    };
    assert!(report.resumed > 0, "{report:?}");
    assert!(platform.plan(Default::default()).await.unwrap().plan.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_given_up_is_told_as_interrupted_at_once() {
    let mesh = Mesh::loaded().await;
    let platform = mesh.platform(None).await;
    mesh.folder.write("landing/more.csv", "id,name\n3,Ida\n").unwrap();
    let begun = Notify::new();
    let options = RunOptions { force: false, adopt: false, personal: false, parallel: 1 };
    let observer = |event| {
        if matches!(event, polder_api::RunEvent::Phase { .. }) {
            begun.notify_one();
        }
    };
    let mut running = Box::pin(platform.run(Selection::All, options, &observer));
    tokio::select! {
        done = &mut running => panic!("it was to be given up: {done:?}"),
        () = begun.notified() => {}
    }
    drop(running);
    let waited = Instant::now();
    loop {
        let runs = platform.runs(1).await.unwrap();
        if runs[0].status == polder_api::RunStatus::Interrupted {
            break;
        }
        assert!(waited.elapsed() < Duration::from_secs(10), "{runs:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
