//! What happens without being asked for: access that is due is given, reviewed and ended, and others are told. Any number of
//! servers do this at once; what each does is done once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use polder_platform::AccessDesk;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::api;
use crate::problem::Problem;
use crate::state::{App, StartError};

/// How often.
const EVERY: Duration = Duration::from_secs(15);
/// How many times pass between two clearings of old notices: about an hour.
const CLEARING: u32 = 240;
/// How many rounds of deliveries one time may take, so that ends of access never wait long for slow receivers.
const ROUNDS: usize = 8;

/// Begins, after a look at the settings.
///
/// # Errors
/// When a setting of access on request or of notifications does not hold.
pub(crate) fn start(app: &App) -> Result<JoinHandle<()>, StartError> {
    let desk = api::desk(app).map_err(|problem: Problem| {
        let causes = problem.causes().iter().map(|cause| format!(": {cause}")).collect::<String>();
        StartError::Settings(format!("{}{causes}", problem.detail()))
    })?;
    let app = app.clone();
    Ok(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for time in 0_u32.. {
            ticks.tick().await;
            once(&app, &desk, Utc::now()).await;
            if time.is_multiple_of(CLEARING) {
                clear(&app, Utc::now()).await;
            }
        }
    }))
}

/// Does what is due in every environment. What fails is told in the log, and tried again the next time.
pub async fn once(app: &App, desk: &AccessDesk, now: DateTime<Utc>) {
    for platform in app.environments() {
        let environment = platform.environment();
        if let Err(error) = platform.sweep_access(desk, now).await {
            tracing::error!(%environment, %error, "access that is due was not looked at");
        }
        for _ in 0..ROUNDS {
            match platform.deliver_notices(desk, now).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%environment, %error, "notices were not sent");
                    break;
                }
            }
        }
    }
}

/// Forgets notices that arrived, or were given up, long ago.
async fn clear(app: &App, now: DateTime<Utc>) {
    for platform in app.environments() {
        if let Err(error) = platform.forget_notices(now).await {
            tracing::error!(environment = %platform.environment(), %error, "old notices were not forgotten");
        }
    }
}
