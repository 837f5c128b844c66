//! What is declared of landing zones: address space, how domains share workspaces, limits that were raised, and how fast all of it grows.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::location::Provider;
use crate::name::EnvironmentName;

/// What is declared of landing zones for the whole organization.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ZoneSettings {
    /// Address space.
    pub network: Network,
    /// How domains share workspaces.
    pub workspaces: Workspaces,
    /// Limits that differ from the providers' own, by their names.
    pub limits: BTreeMap<String, u64>,
    /// By how much everything grows in a year, in percent.
    pub growth_percent: u32,
    /// For each environment, where its zones are.
    pub environments: BTreeMap<EnvironmentName, EnvironmentZones>,
    /// What zones at AWS run on.
    pub aws_platform: AwsPlatform,
    /// What else every resource is tagged with.
    pub tags: BTreeMap<String, String>,
}

/// Address space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    /// What each environment's zones are given addresses from.
    pub ranges: BTreeMap<EnvironmentName, Vec<Ipv4Net>>,
    /// What is in use elsewhere, on premise or at a partner, and must be reachable: never given out.
    pub elsewhere: Vec<Ipv4Net>,
    /// Room to grow that each workspace is given beyond what it needs, in percent.
    pub reserve_percent: u32,
}

/// Where an environment's zones are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentZones {
    /// The providers in the order of preference, each with its region where one is declared.
    pub providers: Vec<(Provider, Option<String>)>,
}

/// What zones at AWS run on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AwsPlatform {
    /// Databricks workspaces.
    #[default]
    Databricks,
    /// Glue's catalog and EKS clusters.
    Native,
}

/// Who has a workspace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkspacePer {
    /// Each domain.
    #[default]
    Domain,
    /// Each department; its domains share it.
    Department,
    /// Each environment; all domains share it.
    Environment,
}

impl WorkspacePer {
    /// The word in descriptors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Department => "department",
            Self::Environment => "environment",
        }
    }
}

/// How domains share workspaces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Workspaces {
    /// Who has one.
    pub per: WorkspacePer,
    /// Among how many workspaces of an environment they are spread; each has its own when `None`.
    pub among: Option<u32>,
}

/// How many nodes a domain runs at once, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nodes(pub u32);

impl Nodes {
    /// What holds for a domain that says nothing.
    pub const DEFAULT: Self = Self(8);
    /// The most that may be declared: more than any provider runs in one network.
    pub const MOST: u32 = 100_000;
}

impl Default for Nodes {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Nodes {
    /// Whether a domain that says nothing has as many.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::DEFAULT
    }
}
