//! `network`, `conventions` and `quotas` of `polder.yaml`: what landing zones are made by.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use polder_model::EnvironmentName;
use polder_model::limit::LIMITS;
use polder_model::zone::{AwsPlatform, Network, Nodes, WorkspacePer, Workspaces, ZoneSettings};

use crate::fault::Span;
use crate::reader::{Count, Fields, Problem, Reader, Spanned, Written, texts};
use crate::suggest;

/// What `polder.yaml` says of landing zones, with where.
#[derive(Debug, Clone, Default)]
pub(crate) struct Zones {
    pub(crate) settings: ZoneSettings,
    /// Whether anything is said of them: a mesh that says nothing has none.
    pub(crate) declared: bool,
    /// Where each environment's ranges are written.
    pub(crate) ranges: Vec<(Spanned<EnvironmentName>, Vec<Spanned<Ipv4Net>>)>,
    /// Where what is in use elsewhere is written.
    pub(crate) elsewhere: Vec<Spanned<Ipv4Net>>,
    /// Where each tag's name is written.
    pub(crate) tags: Vec<Spanned<String>>,
    pub(crate) network: Span,
    pub(crate) conventions: Span,
    pub(crate) quotas: Span,
}

impl Written for Ipv4Net {
    fn read(text: &str) -> Result<Self, Problem> {
        let problem = |message: String, help: String| Problem { code: "invalid-network", message, help: Some(help) };
        let net: Self = text.parse().map_err(|_| {
            problem(
                format!("{text:?} is no range of IPv4 addresses"),
                "write an address and the length of its prefix, such as 10.0.0.0/16".to_owned(),
            )
        })?;
        if net.prefix_len() < 8
            || UNUSABLE.iter().any(|(start, length)| Self::new(*start, *length).is_ok_and(|other| other.contains(&net)))
        {
            return Err(problem(
                format!("{text} is no range for networks of one's own"),
                "write one of a company's, such as 10.0.0.0/16".to_owned(),
            ));
        }
        if net == net.trunc() {
            return Ok(net);
        }
        Err(problem(
            format!("{text} does not begin where a range of its length does"),
            format!("did you mean '{}'?", net.trunc()),
        ))
    }
}

/// Loopback, link-local, multicast and what is kept for later (RFC 6890).
const UNUSABLE: [(Ipv4Addr, u8); 5] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// How much may be reserved or grown, in percent.
const MOST_PERCENT: u64 = 10_000;
/// How many workspaces an environment's domains may be spread among.
const MOST_WORKSPACES: u64 = 10_000;

impl Zones {
    /// Reads the three maps.
    pub(crate) fn read(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Self {
        let mut zones = Self::default();
        zones.network(r, fields);
        zones.conventions(r, fields);
        zones.quotas(r, fields);
        zones
    }

    fn network(&mut self, r: &mut Reader<'_>, fields: &mut Fields<'_>) {
        let Some(mut fields) = fields.fields(r, "network") else { return };
        (self.declared, self.network) = (true, fields.span);
        for entry in fields.entries(r, "ranges") {
            match EnvironmentName::read(&entry.key) {
                Ok(name) => {
                    let items = r.items(&entry.value, format_args!("the ranges of '{}'", entry.key), true);
                    let ranges = items.iter().filter_map(|item| r.parsed(item, "a range")).collect();
                    self.ranges.push((Spanned { value: name, span: entry.span }, ranges));
                }
                Err(problem) => r.problem(entry.span, &entry.key, problem),
            }
        }
        self.elsewhere = fields.list::<Ipv4Net>(r, "elsewhere");
        let elsewhere = self.elsewhere.iter().map(|net| net.value).collect();
        let reserve_percent = percent(r, &mut fields, "reservePercent").unwrap_or(0);
        let ranges =
            self.ranges.iter().map(|(name, nets)| (name.value.clone(), nets.iter().map(|net| net.value).collect())).collect();
        self.settings.network = Network { ranges, elsewhere, reserve_percent };
        fields.finish(r);
    }

    fn conventions(&mut self, r: &mut Reader<'_>, fields: &mut Fields<'_>) {
        let Some(mut fields) = fields.fields(r, "conventions") else { return };
        (self.declared, self.conventions) = (true, fields.span);
        if let Some(mut workspaces) = fields.fields(r, "workspaces") {
            let words =
                [WorkspacePer::Domain, WorkspacePer::Department, WorkspacePer::Environment].map(|per| (per.as_str(), per));
            let per = workspaces.choice(r, "per", &words).unwrap_or_default();
            let among = within(r, &mut workspaces, "among", 1, MOST_WORKSPACES);
            if let Some(span) = workspaces.raw("among").map(|entry| entry.span).filter(|_| per == WorkspacePer::Environment) {
                let fault = r.error(span, "does-not-apply", "among", "an environment has one workspace, and nothing to spread");
                fault.help = Some("take it out, or write per: department".to_owned());
            }
            self.settings.workspaces = Workspaces { per, among };
            workspaces.finish(r);
        }
        let platforms = [("databricks", AwsPlatform::Databricks), ("native", AwsPlatform::Native)];
        self.settings.aws_platform = fields.choice(r, "awsPlatform", &platforms).unwrap_or_default();
        let tags = fields.entries(r, "tags");
        self.tags = tags.iter().map(|entry| Spanned { value: entry.key.to_string(), span: entry.span }).collect();
        self.settings.tags = texts(r, tags).into_iter().map(|(key, text)| (key, text.value)).collect();
        fields.finish(r);
    }

    fn quotas(&mut self, r: &mut Reader<'_>, fields: &mut Fields<'_>) {
        let entries = fields.entries(r, "quotas");
        if let Some(first) = entries.first() {
            (self.declared, self.quotas) = (true, first.span);
        }
        let mut limits = BTreeMap::new();
        for entry in entries {
            let what = format!("'{}'", entry.key);
            if &*entry.key == GROWTH {
                let count = r.parsed::<Count>(&entry.value, &what);
                self.settings.growth_percent = count.and_then(|count| bounded(r, &count, GROWTH, 0, MOST_PERCENT)).unwrap_or(0);
            } else if let Some(limit) = LIMITS.iter().find(|limit| limit.name == &*entry.key) {
                let Some(count) = r.parsed::<Count>(&entry.value, &what) else { continue };
                if count.value.0 > limit.most && !limit.raised {
                    let message = format!(
                        "{} of a {} are {} at most: the provider raises that for nobody",
                        limit.what, limit.within, limit.most
                    );
                    r.error(count.span, "out-of-range", &count.value.0.to_string(), message);
                }
                limits.insert(limit.name.to_owned(), count.value.0);
            } else {
                let known = LIMITS.iter().map(|limit| limit.name).chain([GROWTH]);
                let near = suggest::nearest(&entry.key, known.clone());
                let help = near.map_or_else(
                    || format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean '{near}'?"),
                );
                r.error(entry.span, "unknown-key", &entry.key, format!("there is no limit '{}'", entry.key)).help = Some(help);
            }
        }
        self.settings.limits = limits;
    }
}

/// By how much everything grows, among `quotas`.
const GROWTH: &str = "growthPercentPerYear";

/// `workspace` of a domain: how many nodes it runs.
pub(crate) fn nodes(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Nodes {
    let Some(mut fields) = fields.fields(r, "workspace") else { return Nodes::DEFAULT };
    let nodes = within(r, &mut fields, "nodes", 1, Nodes::MOST.into());
    fields.finish(r);
    nodes.map_or(Nodes::DEFAULT, Nodes)
}

fn percent(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str) -> Option<u32> {
    within(r, fields, key, 0, MOST_PERCENT)
}

/// A whole number within reason, if there is one.
pub(crate) fn within(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str, least: u64, most: u64) -> Option<u32> {
    let count = fields.parsed::<Count>(r, key)?;
    bounded(r, &count, key, least, most)
}

fn bounded(r: &mut Reader<'_>, count: &Spanned<Count>, key: &str, least: u64, most: u64) -> Option<u32> {
    let Count(value) = count.value;
    let fitting = u32::try_from(value).ok().filter(|_| (least..=most).contains(&value));
    if fitting.is_none() {
        r.error(count.span, "out-of-range", &value.to_string(), format!("'{key}' is a number from {least} to {most}"));
    }
    fitting
}
