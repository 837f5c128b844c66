//! Shares: tables that a domain offers to recipients outside, by Delta Sharing.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::name::{DomainName, ObjectName, PrincipalName};
use crate::securable::TableName;

/// Tables that a domain offers to recipients outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Its name: one of a kind in the environment, as recipients know no domains.
    pub name: ObjectName,
    /// The domain that offers it.
    pub domain: DomainName,
    /// Who owns it: by its rights the tables are read.
    pub owner: PrincipalName,
    /// What is offered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The tables, in order. A recipient knows each as `<domain>.<object>`.
    pub tables: Vec<TableName>,
    /// To whom.
    pub recipients: Vec<Recipient>,
}

/// Whom a share is offered to: a service principal, as which whoever holds its profile file acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The service principal.
    pub name: PrincipalName,
    /// The networks from which it may be asked for; any where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<Network>,
}

impl Share {
    /// The recipient of this name, if the share is offered to it.
    #[must_use]
    pub fn recipient(&self, name: &PrincipalName) -> Option<&Recipient> {
        self.recipients.iter().find(|recipient| recipient.name == *name)
    }

    /// The table that recipients know by this schema and name, compared without case.
    #[must_use]
    pub fn table(&self, schema: &str, name: &str) -> Option<&TableName> {
        let named = |table: &&TableName| {
            table.catalog.as_str().eq_ignore_ascii_case(schema) && table.object.as_str().eq_ignore_ascii_case(name)
        };
        self.tables.iter().find(named)
    }
}

impl Recipient {
    /// Whether it may ask from this address.
    #[must_use]
    pub fn may_ask_from(&self, address: Option<IpAddr>) -> bool {
        self.networks.is_empty() || address.is_some_and(|address| self.networks.iter().any(|network| network.contains(address)))
    }
}

/// A network of addresses, such as `203.0.113.0/24` or `2001:db8::/32`. A single address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network: write one such as 203.0.113.0/24, or an address")]
pub struct NetworkError(String);

impl Network {
    /// Whether an address is in it. An IPv4 address that is written as one of IPv6 is the same address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(|network| Self(network.trunc())).map_err(|_| NetworkError(text.to_owned()))
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;
    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_asks_from_its_networks() {
        let recipient = |networks: &[&str]| Recipient {
            name: "partner".parse().unwrap(),
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
        };
        let at = |address: &str| Some(address.parse().unwrap());
        let two = recipient(&["203.0.113.7/24", "2001:db8::1"]);
        assert!(two.may_ask_from(at("203.0.113.200")) && two.may_ask_from(at("2001:db8::1")));
        assert!(two.may_ask_from(at("::ffff:203.0.113.9")));
        assert!(!two.may_ask_from(at("203.0.114.1")) && !two.may_ask_from(at("2001:db8::2")) && !two.may_ask_from(None));
        assert!(recipient(&[]).may_ask_from(at("192.0.2.1")) && recipient(&[]).may_ask_from(None));
        assert_eq!(two.networks[0].to_string(), "203.0.113.0/24");
        assert!("203.0.113.0/33".parse::<Network>().is_err() && "example.org".parse::<Network>().is_err());
    }
}
