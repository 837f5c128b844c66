//! The token that lets us into a share: declared, or traded for and kept until shortly before it ends.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use polder_model::connection::ShareCredential;
use polder_model::secret::Secret;
use polder_outbound::Outbound;
use tokio::sync::Mutex;

use crate::error::ReceiveError;
use crate::wire::Traded;

/// How long before its end a token is not used any more; half its life, if that is shorter.
const MARGIN: Duration = Duration::from_mins(10);
/// How long a token is taken to live that does not say so.
const UNSAID: u64 = 600;

/// What lets us in.
pub(crate) struct Bearer {
    connection: String,
    credential: ShareCredential,
    secret: Secret,
    held: Mutex<Option<(Secret, Instant)>>,
}

impl Bearer {
    pub(crate) fn new(connection: &str, credential: ShareCredential, secret: Secret) -> Self {
        Self { connection: connection.to_owned(), credential, secret, held: Mutex::default() }
    }

    /// Whether another token may be had when one is refused.
    pub(crate) const fn is_traded(&self) -> bool {
        matches!(self.credential, ShareCredential::Client { .. })
    }

    /// The value of a request's `Authorization`.
    pub(crate) async fn header(&self, outbound: &Outbound) -> Result<HeaderValue, ReceiveError> {
        let token = match &self.credential {
            ShareCredential::Token(_) => self.secret.clone(),
            ShareCredential::Client { token_endpoint, client_id, scope, .. } => {
                let mut held = self.held.lock().await;
                match held.as_ref().filter(|(_, until)| Instant::now() < *until) {
                    Some((token, _)) => token.clone(),
                    None => {
                        let traded = self.trade(outbound, token_endpoint, client_id, scope.as_deref()).await?;
                        held.insert(traded).0.clone()
                    }
                }
            }
        };
        self.secretly(&format!("Bearer {}", token.expose().trim()))
    }

    /// Forgets the token, so that the next question trades for another.
    pub(crate) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    async fn trade(
        &self,
        outbound: &Outbound,
        endpoint: &str,
        id: &str,
        scope: Option<&str>,
    ) -> Result<(Secret, Instant), ReceiveError> {
        let wanted = [("grant_type", "client_credentials")].into_iter().chain(scope.map(|scope| ("scope", scope)));
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(wanted).finish();
        let basic = STANDARD.encode(format!("{id}:{}", self.secret.expose().trim()));
        let request = Request::post(endpoint)
            .header(AUTHORIZATION, self.secretly(&format!("Basic {basic}"))?)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Bytes::from(form));
        let place =
            |_| ReceiveError::Place { connection: self.connection.clone(), why: "its tokenEndpoint is no address".to_owned() };
        let asked = Instant::now();
        let answer = outbound.send(request.map_err(place)?).await;
        let answer = answer.map_err(|error| ReceiveError::unreachable(&self.connection, &error))?;
        match answer.status().as_u16() {
            200 => {}
            400 | 401 | 403 => return Err(ReceiveError::Refused { connection: self.connection.clone() }),
            _ => return Err(ReceiveError::speech(&self.connection, "its token endpoint gives no token")),
        }
        let traded: Traded = serde_json::from_slice(answer.body())
            .map_err(|_| ReceiveError::speech(&self.connection, "its token endpoint's answer holds no token"))?;
        let life = Duration::from_secs(traded.expires_in.unwrap_or(UNSAID));
        let until = asked.checked_add(life.saturating_sub(MARGIN.min(life / 2))).unwrap_or(asked);
        Ok((Secret::new(traded.access_token), until))
    }

    fn secretly(&self, text: &str) -> Result<HeaderValue, ReceiveError> {
        let why = || "its secret holds characters that no token has".to_owned();
        let place = |_| ReceiveError::Place { connection: self.connection.clone(), why: why() };
        let mut value = HeaderValue::from_str(text).map_err(place)?;
        value.set_sensitive(true);
        Ok(value)
    }
}
