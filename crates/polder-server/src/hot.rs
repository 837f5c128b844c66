//! Hot storage is kept up for as long as the server runs: at once after what this server wrote, and within a second or two after what
//! others did.

use std::time::Duration;

use polder_platform::Platform;
use tokio::task::JoinHandle;

use crate::state::App;

/// How often tables are looked at that somebody else may have written.
const EVERY: Duration = Duration::from_secs(1);

/// Begins, for every environment.
pub(crate) fn start(app: &App) -> JoinHandle<()> {
    let environments: Vec<Platform> = app.environments().cloned().collect();
    tokio::spawn(async move {
        let mut keeping = tokio::task::JoinSet::new();
        for platform in environments {
            keeping.spawn(keep(platform));
        }
        // Ended with this task.
        while keeping.join_next().await.is_some() {}
    })
}

async fn keep(platform: Platform) {
    loop {
        if let Err(error) = platform.keep_hot_storage().await {
            tracing::error!(environment = %platform.environment(), %error, "hot storage was not looked after");
        }
        // Whichever comes first.
        drop(tokio::time::timeout(EVERY, platform.hot_storage_lags()).await);
    }
}
