//! The outside world, as an apply sees it.

use async_trait::async_trait;
use polder_plan::Step;

/// What came of a step, for people.
pub type StepDetail = String;

/// Why a step's effect did not come about.
pub type EffectError = Box<dyn std::error::Error + Send + Sync>;

/// Carries out effects that are outside the journal's database.
#[async_trait]
pub trait Effects: Send + Sync {
    /// Carries a step out. Done twice, it has the effect of once.
    ///
    /// Steps that only write or remove a metastore entry never come here: the journal carries them out with their record.
    async fn carry_out(&self, step: &Step) -> Result<StepDetail, EffectError>;
}
