//! Names to addresses, of which only those that may be called come back.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::is_public;

/// Which addresses a client may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doors {
    /// What is public, and what is allowed.
    Public,
    /// What is allowed, and nothing else: for plain HTTP.
    AllowedOnly,
}

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Closed {
    #[error("the address is private")]
    Private,
    #[error("plain HTTP goes to allowed addresses only")]
    NotSecure,
    #[error("the name has no address")]
    NoAddress,
}

impl Doors {
    /// Says whether an address may be called.
    pub(crate) fn judge(self, ip: IpAddr, allow: &[IpNet]) -> Result<(), Closed> {
        // An IPv4 address written as one of IPv6 is allowed when the IPv4 address is.
        let ip = ip.to_canonical();
        if allow.iter().any(|network| network.contains(&ip)) {
            return Ok(());
        }
        match self {
            _ if !is_public(ip) => Err(Closed::Private),
            Self::Public => Ok(()),
            Self::AllowedOnly => Err(Closed::NotSecure),
        }
    }
}

/// The resolver of one client.
pub(crate) struct Resolver {
    pub(crate) allow: Arc<[IpNet]>,
    pub(crate) doors: Doors,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow, doors) = (self.allow.clone(), self.doors);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let (mut open, mut why) = (Vec::with_capacity(found.len()), Closed::NoAddress);
            for address in found {
                match doors.judge(address.ip(), &allow) {
                    Ok(()) => open.push(address),
                    Err(closed) => why = closed,
                }
            }
            if open.is_empty() { Err(why.into()) } else { Ok(Box::new(open.into_iter()) as Addrs) }
        })
    }
}
