//! `polder serve`: the mesh as a platform that people and programs connect to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use polder_model::TenantName;
use polder_server::{Limits, PostgresSettings, Running, ServerConfig, TlsFiles};

use crate::context::{Context, say, say_exact};
use crate::failure::{Exit, Failure};
use crate::render::plain;

/// Serve a tenant of the mesh: the REST API, Unity Catalog, SCIM and sign-on
///
/// One process serves every environment of one tenant. Who may sign in, where the state is and whom to tell of what is set in
/// polder.yaml under the tenant. The first start makes one bootstrap secret and shows it once. Ctrl-C or SIGTERM ends it: requests
/// under way are finished first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder serve
  polder serve --listen 0.0.0.0:8470 --tls-certificate server.pem --tls-key server.key
  polder serve --tenant production --log-format json
  polder serve --postgres 127.0.0.1:5432")]
pub(crate) struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8470")]
    listen: SocketAddr,

    /// The tenant [default: that of the first environment that is not production]
    #[arg(long, value_name = "TENANT")]
    tenant: Option<TenantName>,

    /// The certificate, with the chain that leads to it, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,

    /// The certificate's key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,

    /// The largest body of a request, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=4096))]
    body_limit: u32,

    /// The largest file that is written to a volume, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 5120, value_parser = clap::value_parser!(u64).range(1..=65_536))]
    file_limit: u64,

    /// How long a request may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    request_timeout: u32,

    /// How many requests of one principal are worked on at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    concurrent: u16,

    /// Serve clients of PostgreSQL at this address, too
    #[arg(long, value_name = "ADDRESS:PORT")]
    postgres: Option<SocketAddr>,

    /// Take the passwords of clients of PostgreSQL from other machines over connections without TLS, too
    #[arg(long, requires = "postgres")]
    postgres_plaintext: bool,

    /// How many sessions of clients of PostgreSQL there may be
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..))]
    postgres_sessions: u16,

    /// Where traces go: the URL of an OTLP collector, such as http://localhost:4318
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp: Option<String>,

    /// The form of the log on stderr
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// A line an event, for people
    Text,
    /// A JSON object a line
    Json,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let meaningless = [("--environment", context.environment.is_some()), ("--as", context.act_as.is_some())];
        if let Some((option, _)) = meaningless.iter().find(|(_, given)| *given) {
            let message =
                format!("a server serves every environment of a tenant, to whoever signs in: {option} means nothing to it");
            return Err(Failure::new(Exit::Invalid, message, "leave it out; `--tenant` names the tenant").into());
        }
        let config = ServerConfig {
            root: context.root()?,
            tenant: self.tenant,
            listen: self.listen,
            tls: self.tls_certificate.zip(self.tls_key).map(|(certificate, key)| TlsFiles { certificate, key }),
            limits: Limits {
                body_bytes: (self.body_limit as usize) << 20,
                file_bytes: self.file_limit << 20,
                request_timeout: Duration::from_secs(self.request_timeout.into()),
                concurrent_per_principal: self.concurrent.into(),
                ..Limits::default()
            },
        };
        let postgres = self.postgres.map(|listen| PostgresSettings {
            plaintext: self.postgres_plaintext,
            sessions: self.postgres_sessions.into(),
            ..PostgresSettings::new(listen)
        });
        let json = self.log_format == LogFormat::Json;
        crate::context::runtime()?.block_on(async {
            let telemetry = polder_server::telemetry::start(json, context.color_err, context.verbose, self.otlp.as_deref())
                .map_err(|error| {
                    Failure::new(Exit::Invalid, "cannot send traces", "name the URL of an OTLP collector").because(error)
                })?;
            let mut running = polder_server::serve(config).await.map_err(|error| not_started(error, "--listen"))?;
            let scheme = if running.app.config.tls.is_some() { "https" } else { "http" };
            say(format_args!("polder serves tenant {} at {scheme}://{}", running.app.tenant, running.address));
            if scheme == "http" && !running.address.ip().is_loopback() {
                say("tokens go over the network in clear: name a certificate with `--tls-certificate` and `--tls-key`, unless a proxy has one");
            }
            if let Some(settings) = postgres {
                serve_postgres(&mut running, settings)?;
            }
            first_token(&running.app).await?;
            told_to_stop().await?;
            say("ending: requests under way are finished first");
            let stopped = running.stop().await;
            telemetry.end().await;
            stopped?;
            Ok(Exit::Ok)
        })
    }
}

/// Opens the door for clients of PostgreSQL, and says where it is.
fn serve_postgres(running: &mut Running, settings: PostgresSettings) -> anyhow::Result<()> {
    let address = running.serve_postgres(settings).map_err(|error| not_started(error, "--postgres"))?;
    say(format_args!(
        "clients of PostgreSQL connect to {address}: the user is a principal, the password a token, the database an environment"
    ));
    Ok(())
}

/// Makes the token that a new platform is set up with, at the first start, and shows it this once.
async fn first_token(app: &polder_server::App) -> anyhow::Result<()> {
    let made = polder_server::auth::first_start(app).await.map_err(|problem| {
        Failure::new(Exit::Unavailable, problem.detail().to_owned(), "see that the state of the tenant can be written")
    })?;
    let Some(token) = made else { return Ok(()) };
    say_exact(&plain::text(&format!(
        "\nThis platform is new. Its bootstrap token administers it, sees no data, and is shown this once:\n\n    {}\n\n\
         Hand over, then revoke it:\n  \
         export POLDER_SERVER={} POLDER_TOKEN=...\n  \
         polder apply                                          # what the files declare, with its people and groups\n  \
         polder token create --label 'SCIM' --scope scim       # for the identity provider, if it keeps users here\n  \
         polder role grant PERSON-OR-GROUP account             # who administers from now on\n  \
         polder token list --all && polder token revoke ID     # as that person\n",
        token.expose(),
        app.url(),
    )));
    Ok(())
}

/// Why the server does not start. `option` is that of the address it was to listen at.
fn not_started(error: polder_server::state::StartError, option: &str) -> anyhow::Error {
    use polder_server::state::StartError;
    match error {
        StartError::Platform(error) => error.into(),
        error @ StartError::Listen { .. } => {
            Failure::new(Exit::Unavailable, "the server cannot start", format!("choose another address with `{option}`"))
                .because(error)
                .into()
        }
        error => Failure::new(Exit::Invalid, "the server cannot start", "mend the setting").because(error).into(),
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_stop() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}
