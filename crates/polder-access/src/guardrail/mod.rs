//! Guardrails: Cedar policies that forbid what grants allow. They never allow anything.
//!
//! What policies may speak of is in `guardrails.cedarschema`; [`policy`] reads them if [`size`] finds that they can be read,
//! [`entities`] shows them one decision.

mod entities;
mod policy;
mod size;

use std::collections::HashMap;

use cedar_policy::{AuthorizationError, Authorizer, Context, EvaluationError, PolicyId, PolicySet};
use polder_model::resource::{Environment, Policy};
use polder_model::{Principal, PrincipalName};

use crate::deep::deep;
use crate::permit::{Action, Determinant};
use crate::securables::Node;

pub use policy::{PolicyError, PolicyFault, check_policy, policy_entities, policy_forbids};

/// The guardrails of one environment, parsed.
#[derive(Debug)]
pub(crate) struct Guardrails {
    forbids: PolicySet,
    origins: HashMap<PolicyId, Origin>,
    context: Context,
}

/// Where one Cedar statement comes from.
#[derive(Debug)]
struct Origin {
    policy: String,
    reason: Option<String>,
}

/// One decision that guardrails are asked about.
pub(crate) struct Question<'a> {
    pub(crate) principal: &'a Principal,
    /// Every group that the principal is in, nested ones too.
    pub(crate) groups: Vec<&'a PrincipalName>,
    pub(crate) action: Action,
    pub(crate) node: &'a Node,
    pub(crate) owner: Option<&'a PrincipalName>,
}

impl Guardrails {
    /// Reads the policies of an environment.
    pub(crate) fn new<'a>(
        environment: &Environment,
        policies: impl IntoIterator<Item = &'a Policy>,
    ) -> Result<Self, PolicyError> {
        let mut guardrails = Self { forbids: PolicySet::new(), origins: HashMap::new(), context: entities::context(environment) };
        for Policy { name, text } in policies {
            // A `permit` is left out: grants alone allow, and a policy can only take away.
            for statement in policy::forbids(name, text)? {
                let origin = Origin { policy: name.to_string(), reason: statement.annotation("reason").map(str::to_owned) };
                let id = PolicyId::new(guardrails.origins.len().to_string());
                guardrails.forbids.add(statement.new_id(id.clone())).expect("every statement gets the next number");
                guardrails.origins.insert(id, origin);
            }
        }
        Ok(guardrails)
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    /// The guardrails that forbid it, in the order in which they were read.
    pub(crate) fn forbid(&self, question: &Question<'_>) -> Vec<Determinant> {
        let (request, entities) = match entities::of(question, &self.context) {
            Ok(found) => found,
            // Names are plain, so this does not happen; should it, nobody gets through unchecked.
            Err(error) => return vec![forbidden("guardrails", format!("they could not be asked: {error}"))],
        };
        let answer = || Authorizer::new().is_authorized(&request, &self.forbids, &entities);
        let mut response = answer();
        // Few policies are so deep that the stack at hand is not enough; to make another for each decision would cost the rest.
        if response.diagnostics().errors().any(is_too_deep) {
            response = deep(answer);
        }
        // Without a `permit` every answer is Deny; the reasons are the statements that forbid.
        let mut found: Vec<(&PolicyId, Option<String>)> = response.diagnostics().reason().map(|id| (id, None)).collect();
        // Cedar skips a statement that fails. A guardrail that cannot tell forbids.
        found.extend(response.diagnostics().errors().map(|AuthorizationError::PolicyEvaluationError(error)| {
            (error.policy_id(), Some(format!("it could not be evaluated: {error}")))
        }));
        found.sort_by_key(|(id, _)| id.to_string().parse::<usize>().unwrap_or(usize::MAX));
        found.into_iter().map(|(id, failure)| self.determinant(id, failure)).collect()
    }

    fn determinant(&self, id: &PolicyId, failure: Option<String>) -> Determinant {
        let origin = self.origins.get(id);
        let policy = origin.map_or("guardrails", |origin| origin.policy.as_str());
        let reason = failure.or_else(|| origin.and_then(|origin| origin.reason.clone()));
        forbidden(policy, reason.unwrap_or_else(|| "it gives no reason".to_owned()))
    }
}

fn is_too_deep(AuthorizationError::PolicyEvaluationError(error): &AuthorizationError) -> bool {
    matches!(error.inner(), EvaluationError::RecursionLimit(_))
}

fn forbidden(policy: &str, reason: String) -> Determinant {
    Determinant::Guardrail { policy: policy.to_owned(), reason }
}
