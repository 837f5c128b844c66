//! The flows by which tokens are had: authorization code with PKCE, device, client credentials, refresh. OAuth 2 is the `oauth2`
//! crate's; calls go out through [`Outbound`].

use std::pin::Pin;
use std::time::Duration;

use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, Client, ClientId, ClientSecret, CsrfToken, DeviceAuthorizationUrl,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, ErrorResponse, ExtraTokenFields, HttpRequest, HttpResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardDeviceAuthorizationResponse,
    StandardRevocableToken, StandardTokenResponse, TokenResponse as _, TokenUrl,
};
use polder_model::secret::Secret;
use polder_outbound::{Outbound, OutboundError};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::error::FlowError;
use crate::issuer::Metadata;

/// A client of an issuer, for flows.
pub struct Party {
    client: OurClient,
    calls: Calls,
}

/// The way out, as the `oauth2` crate calls it.
struct Calls(Outbound);

impl<'c> AsyncHttpClient<'c> for Calls {
    type Error = OutboundError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OutboundError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move { Ok(self.0.send(request.map(Into::into)).await?.map(Vec::from)) })
    }
}

/// What a flow brought.
#[derive(Debug)]
pub struct Login {
    /// What calls are made with.
    pub access_token: Secret,
    /// Who signed in, when `openid` was asked for.
    pub id_token: Option<Secret>,
    /// What another access token is had with.
    pub refresh_token: Option<Secret>,
    /// How long the access token lasts, if the issuer says.
    pub expires_in: Option<Duration>,
}

/// A sign-on on another device, under way.
#[derive(Debug)]
pub struct Device(StandardDeviceAuthorizationResponse);

impl Device {
    /// Where to go.
    #[must_use]
    pub fn url(&self) -> &str {
        self.0.verification_uri().as_str()
    }

    /// Where to go, with the code in it, if the issuer offers that.
    #[must_use]
    pub fn whole_url(&self) -> Option<&str> {
        self.0.verification_uri_complete().map(|url| url.secret().as_str())
    }

    /// What to type there.
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.user_code().secret()
    }
}

/// What our side of an authorization code flow remembers.
#[derive(Debug, Clone)]
pub struct Trip {
    /// What comes back with the answer, to know it by.
    pub state: Secret,
    /// What the id token must bear.
    pub nonce: Secret,
    /// What proves that whoever trades the code is who asked for it.
    pub verifier: Secret,
    /// Where the answer is sent.
    pub redirect: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct IdToken {
    #[serde(default)]
    id_token: Option<String>,
}
impl ExtraTokenFields for IdToken {}

type Answer = StandardTokenResponse<IdToken, BasicTokenType>;
type OurClient = Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointMaybeSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

impl Party {
    /// Makes a client of an issuer.
    #[must_use]
    pub fn new(metadata: &Metadata, client_id: String, client_secret: Option<Secret>, outbound: Outbound) -> Self {
        let mut client = Client::new(ClientId::new(client_id));
        client = match client_secret {
            Some(secret) => client.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            // A public client says who it is in the body, as it has nothing to prove it with.
            None => client.set_auth_type(AuthType::RequestBody),
        };
        let device = metadata.device_authorization_endpoint.clone().map(DeviceAuthorizationUrl::from_url);
        let client = client
            .set_auth_uri(AuthUrl::from_url(metadata.authorization_endpoint.clone()))
            .set_token_uri(TokenUrl::from_url(metadata.token_endpoint.clone()))
            .set_device_authorization_url_option(device);
        Self { client, calls: Calls(outbound) }
    }

    /// Where to send the browser.
    #[must_use]
    pub fn sign_on_url(&self, trip: &Trip, scopes: &[String]) -> Url {
        let verifier = PkceCodeVerifier::new(trip.verifier.expose().to_owned());
        let state = trip.state.expose().to_owned();
        let mut request = self
            .client
            .authorize_url(|| CsrfToken::new(state))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .add_scopes(scopes.iter().cloned().map(Scope::new))
            .add_extra_param("nonce", trip.nonce.expose());
        // A refresh token is given to whoever is asked whether they want that (OpenID Connect Core, section 11).
        if scopes.iter().any(|scope| scope == "offline_access") {
            request = request.add_extra_param("prompt", "consent");
        }
        let redirect = RedirectUrl::new(trip.redirect.clone()).ok().map(std::borrow::Cow::Owned);
        let request = if let Some(redirect) = redirect { request.set_redirect_uri(redirect) } else { request };
        request.url().0
    }

    /// Trades the code that came back for tokens.
    ///
    /// # Errors
    /// When the issuer refuses or cannot be asked.
    pub async fn exchange(&self, trip: &Trip, code: &str) -> Result<Login, FlowError> {
        let redirect = RedirectUrl::new(trip.redirect.clone()).map_err(|e| FlowError::Answer(e.to_string()))?;
        let request = self.client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(trip.verifier.expose().to_owned()));
        let request = request.set_redirect_uri(std::borrow::Cow::Owned(redirect));
        request.request_async(&self.calls).await.map(login).map_err(fault)
    }

    /// Trades a refresh token for new tokens.
    ///
    /// # Errors
    /// When the issuer refuses or cannot be asked.
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<Login, FlowError> {
        let token = RefreshToken::new(refresh_token.expose().to_owned());
        self.client.exchange_refresh_token(&token).request_async(&self.calls).await.map(login).map_err(fault)
    }

    /// Asks for a token of the client itself.
    ///
    /// # Errors
    /// When the issuer refuses or cannot be asked.
    pub async fn client_credentials(&self, scopes: &[String]) -> Result<Login, FlowError> {
        let request = self.client.exchange_client_credentials().add_scopes(scopes.iter().cloned().map(Scope::new));
        request.request_async(&self.calls).await.map(login).map_err(fault)
    }

    /// Begins a sign-on on another device.
    ///
    /// # Errors
    /// When the issuer does not offer that, refuses or cannot be asked.
    pub async fn begin_device(&self, scopes: &[String]) -> Result<Device, FlowError> {
        let request = self.client.exchange_device_code().map_err(|_| FlowError::NotOffered("device flow"))?;
        let request = request.add_scopes(scopes.iter().cloned().map(Scope::new));
        request.request_async(&self.calls).await.map(Device).map_err(fault)
    }

    /// Waits until somebody has signed on at the other device, or the issuer gives up.
    ///
    /// # Errors
    /// When the issuer refuses, gives up or cannot be asked.
    pub async fn finish_device(&self, device: &Device) -> Result<Login, FlowError> {
        let request = self.client.exchange_device_access_token(&device.0);
        request.request_async(&self.calls, tokio::time::sleep, None).await.map(login).map_err(fault)
    }
}

fn login(answer: Answer) -> Login {
    Login {
        access_token: Secret::new(answer.access_token().secret().as_str()),
        id_token: answer.extra_fields().id_token.as_deref().map(Secret::new),
        refresh_token: answer.refresh_token().map(|token| Secret::new(token.secret().as_str())),
        expires_in: answer.expires_in(),
    }
}

/// What went wrong, with nothing of the issuer's answer but its code and its words.
fn fault<T: ErrorResponse + Spoken + 'static>(error: RequestTokenError<OutboundError, T>) -> FlowError {
    match error {
        RequestTokenError::ServerResponse(said) => {
            let (code, description) = said.said();
            FlowError::Refused { code: printable(&code), description: printable(&description) }
        }
        RequestTokenError::Request(error) => FlowError::Unreachable(error),
        RequestTokenError::Parse(error, _) => FlowError::Answer(format!("its {} is not as the standard says", error.path())),
        RequestTokenError::Other(why) => FlowError::Answer(printable(&why)),
    }
}

/// An issuer's refusal, whichever flow it is of.
trait Spoken {
    fn said(&self) -> (String, String);
}

impl<T: oauth2::ErrorResponseType + std::fmt::Display + 'static> Spoken for oauth2::StandardErrorResponse<T> {
    fn said(&self) -> (String, String) {
        (self.error().to_string(), self.error_description().cloned().unwrap_or_default())
    }
}

/// The beginning of a text, without what would disturb a terminal or a log.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
