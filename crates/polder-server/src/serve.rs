//! Listening: HTTP/1.1 and 2, TLS where it is configured, and an end that lets requests finish.

use std::net::SocketAddr;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use tokio::task::JoinHandle;

use crate::config::{ServerConfig, TlsFiles};
use crate::doors::postgres::{self, PostgresSettings};
use crate::prompt::Prompt;
use crate::router::router;
use crate::state::{App, StartError};
use crate::sweep;
use crate::{hot, ops};

/// A server at work.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its handlers reach.
    pub app: App,
    handle: Handle<SocketAddr>,
    task: JoinHandle<std::io::Result<()>>,
    sweep: JoinHandle<()>,
    hot: JoinHandle<()>,
    /// The door for clients of PostgreSQL, once it is open.
    postgres: Option<polder_pgwire::Serving>,
}

/// Begins to serve.
///
/// # Errors
/// When the mesh or its state cannot be opened, the address is taken, or the certificate cannot be used.
pub async fn serve(mut config: ServerConfig) -> Result<Running, StartError> {
    ops::recorder();
    let limits = config.limits;
    let (listen, tls) = (config.listen, config.tls.clone());
    let unusable = |source| StartError::Listen { address: listen, source };
    let listener = std::net::TcpListener::bind(listen).map_err(unusable)?;
    listener.set_nonblocking(true).map_err(unusable)?;
    let address = listener.local_addr().map_err(unusable)?;
    // Addresses that are handed out name the port that was found, where any would do.
    config.listen = address;
    let app = App::open(config).await?;
    let sweep = sweep::start(&app)?;
    let hot = hot::start(&app);
    let handle = Handle::new();
    let service = router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let task = match tls {
        Some(files) => {
            let config = tls_config(&files).await?;
            let server = axum_server::from_tcp_rustls(listener, config).map_err(unusable)?.handle(handle.clone());
            let mut server = server.map(|inner| Prompt { inner, within: limits.head_timeout });
            protect(server.http_builder(), limits.head_timeout);
            tokio::spawn(server.serve(service))
        }
        None => {
            let server = axum_server::from_tcp(listener).map_err(unusable)?.handle(handle.clone());
            let mut server = server.map(|inner| Prompt { inner, within: limits.head_timeout });
            protect(server.http_builder(), limits.head_timeout);
            tokio::spawn(server.serve(service))
        }
    };
    Ok(Running { address, app, handle, task, sweep, hot, postgres: None })
}

/// Ends connections whose requests arrive too slowly, and bounds what one connection may hold.
fn protect(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>, head_timeout: Duration) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(head_timeout).max_buf_size(64 << 10);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(128)
        .max_header_list_size(64 << 10);
}

async fn tls_config(files: &TlsFiles) -> Result<RustlsConfig, StartError> {
    // Already set when something else in this process chose the same.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    RustlsConfig::from_pem_file(&files.certificate, &files.key).await.map_err(|source| StartError::Tls {
        certificate: files.certificate.display().to_string(),
        key: files.key.display().to_string(),
        source,
    })
}

impl Running {
    /// Serves clients of PostgreSQL, too, at an address of their own. Returns where that is.
    ///
    /// # Errors
    /// When the address is taken, or the certificate cannot be used.
    pub fn serve_postgres(&mut self, settings: PostgresSettings) -> Result<SocketAddr, StartError> {
        let serving = postgres::serve(&self.app, settings)?;
        let address = serving.address;
        self.postgres = Some(serving);
        Ok(address)
    }

    /// Takes no more requests, and waits for those under way as long as the configuration says.
    ///
    /// # Errors
    /// When listening failed.
    pub async fn stop(mut self) -> std::io::Result<()> {
        self.handle.graceful_shutdown(Some(self.app.config.limits.shutdown_grace));
        if let Some(postgres) = self.postgres.take() {
            postgres.stop().await;
        }
        self.ended().await
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// When listening failed.
    pub async fn ended(self) -> std::io::Result<()> {
        let ended = self.task.await;
        self.sweep.abort();
        self.hot.abort();
        ended.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}
