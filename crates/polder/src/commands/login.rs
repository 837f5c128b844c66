//! `polder login`: signing in to a server at its issuer, by browser or on another device.

mod landing;

use bytes::Bytes;
use polder_api::{Me, SignOnConfig};
use polder_identity::flow::Trip;
use polder_identity::{FlowError, Login, Party, secret};
use url::{Host, Url};

use crate::client::{Client, Remote, Transport};
use crate::context::{Context, say};
use crate::failure::{Exit, Failure};
use crate::login;
use landing::Landing;

/// Sign in to a server
///
/// Opens the issuer's page in a browser and waits for it to send you back here. Without a browser on this machine, `--device` shows an
/// address and a code for any other. The tokens are kept in your config folder, readable by you alone, and renewed when they end.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder login --server https://polder.contoso.com
  polder login --server https://polder.contoso.com --device")]
pub(crate) struct Args {
    /// Sign in on another device
    #[arg(long)]
    device: bool,

    /// Show the address, and open no browser
    #[arg(long, conflicts_with = "device")]
    no_browser: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let server = server(context)?;
        context.block_on(async {
            let config = config(&server).await?;
            let party = login::party(&config).await?;
            let mut scopes = config.scopes.clone();
            scopes.push("offline_access".to_owned());
            let login =
                if self.device { device(&party, &scopes).await? } else { browser(&party, &scopes, !self.no_browser).await? };
            let remote = Transport::Remote(Remote::new(server.clone(), Some(login.access_token.clone()))?);
            let me: Me = Client::new(remote, "default".parse()?, None).get("/api/v1/me").await?;
            login::keep(&server, &config, login)?;
            say(format_args!("signed in to {server} as {}", me.name));
            Ok(Exit::Ok)
        })
    }
}

/// The server that is signed in to or out of.
pub(super) fn server(context: &Context) -> anyhow::Result<Url> {
    let latest = || login::latest().ok().flatten();
    let Some(server) = context.server.clone().or_else(latest) else {
        return Err(Failure::new(Exit::Invalid, "no server is named", "name one: `polder login --server https://...`").into());
    };
    let here = match server.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if server.scheme() == "https" || (server.scheme() == "http" && here) {
        return Ok(server);
    }
    let message = format!("{server} is not reached by https, and tokens would be sent in clear");
    Err(Failure::new(Exit::Invalid, message, "use the https address of the server").into())
}

/// How the server lets people sign in.
async fn config(server: &Url) -> anyhow::Result<SignOnConfig> {
    let address = format!("{}/auth/config", server.as_str().trim_end_matches('/'));
    let unavailable =
        |message: String| Failure::new(Exit::Unavailable, message, "see that the address is that of a polder server");
    let answer = login::outbound().send(http::Request::get(address).body(Bytes::new())?).await;
    let answer = answer.map_err(|error| unavailable(format!("the server {server} cannot be asked")).because(error))?;
    if answer.status() == http::StatusCode::NOT_FOUND {
        let hint = "use a token instead: POLDER_TOKEN=polder_... polder ...";
        return Err(Failure::new(Exit::NotFound, format!("nobody signs in at {server}: it has no issuer"), hint).into());
    }
    let read = serde_json::from_slice(answer.body());
    Ok(read.map_err(|error| unavailable(format!("{server} does not answer as polder does")).because(error))?)
}

async fn device(party: &Party, scopes: &[String]) -> anyhow::Result<Login> {
    let device = party.begin_device(scopes).await.map_err(failed)?;
    say(format_args!("go to {} and type the code {}", device.url(), device.code()));
    if let Some(url) = device.whole_url() {
        say(format_args!("or go straight to {url}"));
    }
    Ok(party.finish_device(&device).await.map_err(failed)?)
}

async fn browser(party: &Party, scopes: &[String], open: bool) -> anyhow::Result<Login> {
    let landing = Landing::prepare().await?;
    let trip = Trip {
        state: secret::random()?,
        nonce: secret::random()?,
        verifier: secret::random()?,
        redirect: landing.address.clone(),
    };
    let url = party.sign_on_url(&trip, scopes);
    say(format_args!("sign in at {url}"));
    if open {
        landing::open(&url);
    }
    let code = landing.wait(&trip.state).await?;
    Ok(party.exchange(&trip, &code).await.map_err(failed)?)
}

fn failed(error: FlowError) -> Failure {
    let exit = if matches!(error, FlowError::Refused { .. }) { Exit::Denied } else { Exit::Unavailable };
    Failure::new(exit, "you are not signed in", "try again; `--device` needs no browser here").because(error)
}
