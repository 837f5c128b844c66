//! What happens without being asked for: access that is due is given, reviewed and ended, and others are told. Any number of
//! servers do this at once; what each does is done once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use polder_platform::AccessDesk;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::api;
use crate::problem::Problem;
use crate::state::{App, StartError};

/// For how long an answer is kept for its idempotency key.
const ANSWERS_KEPT: TimeDelta = TimeDelta::hours(24);
/// How many are forgotten at a time.
const ANSWERS: u32 = 10_000;
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
            mark_lost_operations(&app, Utc::now()).await;
            if time.is_multiple_of(CLEARING) {
                clear(&app, Utc::now()).await;
                // Copies may take long to be made, and ends of access do not wait for them.
                tokio::spawn(keep_copies(app.clone()));
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

/// Operations whose server was lost are told as interrupted: whoever watches them is waiting for nothing.
async fn mark_lost_operations(app: &App, now: DateTime<Utc>) {
    match app.store.interrupt_lost_operations(now).await {
        Ok(0) => {}
        Ok(count) => tracing::warn!(count, "operations whose server was lost are marked as interrupted"),
        Err(error) => tracing::error!(%error, "lost operations were not looked for"),
    }
}

/// Copies that recipients of shares get are brought up to date, whoever wrote their tables, and removed where nobody gets them.
async fn keep_copies(app: App) {
    for platform in app.environments() {
        if let Err(error) = platform.sweep_copies(Utc::now()).await {
            tracing::error!(environment = %platform.environment(), %error, "shared copies were not looked after");
        }
    }
}

/// Forgets notices that arrived, or were given up, long ago, and answers that nobody asks for again.
async fn clear(app: &App, now: DateTime<Utc>) {
    if let Err(error) = app.store.forget_answers(now - ANSWERS_KEPT, ANSWERS).await {
        tracing::error!(%error, "old answers were not forgotten");
    }
    for platform in app.environments() {
        if let Err(error) = platform.forget_notices(now).await {
            tracing::error!(environment = %platform.environment(), %error, "old notices were not forgotten");
        }
        if let Err(error) = platform.settle_given_grants(now).await {
            tracing::error!(environment = %platform.environment(), %error, "grants that files give too were not ended");
        }
        if let Err(error) = platform.sweep_connections().await {
            tracing::error!(environment = %platform.environment(), %error, "files of shares that are received no more were not removed");
        }
        if let Err(error) = platform.sweep_personal(now).await {
            tracing::error!(environment = %platform.environment(), %error, "personal copies that nobody uses were not removed");
        }
        if let Err(error) = platform.collect_staging_tables(now).await {
            tracing::error!(environment = %platform.environment(), %error, "folders that no table was made of were not emptied");
        }
    }
}
