//! `polder zones`: the landing zones that the files declare, their names and addresses, and whether they fit.

use std::fmt::Write as _;
use std::path::PathBuf;

use polder_descriptor::Fault;
use polder_platform::Zones;
use polder_zones::capacity::{Line, Proof};
use polder_zones::layout::{Item, LandingZone};

use crate::context::{Context, say};
use crate::failure::{Exit, Failure};
use crate::render::listing::Listing;
use crate::render::{self, Form, faults, units};

/// Show the landing zones that the files declare, and prove that they fit
///
/// Lays out every environment: which zones there are, what each holds, what that is called, where its addresses are. Then how full
/// everything is beside the providers' limits, and in how many months growth reaches those. What does not fit is an error that names the
/// smallest change by which it would. Nothing is read but the mesh's folder, and nothing is written but what is asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder zones
  polder zones prod/trading
  polder zones --picture zones.svg
  polder zones --allocate && git add addresses.yaml
  polder zones --output json | jq '.report.lines[] | select(.months != null and .months < 12)'")]
pub(crate) struct Args {
    /// Only zones whose name begins with this, with all that is in them: ENVIRONMENT/DEPARTMENT/PROVIDER
    zone: Option<String>,

    /// Write the addresses that have not been given out before into addresses.yaml
    #[arg(long)]
    allocate: bool,

    /// Draw the zones into this file, as SVG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,

    /// Every line of the capacity report, and not only the fullest
    #[arg(long)]
    all: bool,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// How many lines of each limit are shown unless all are asked for.
const SHOWN: usize = 3;

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let root = context.root()?;
        let Zones { proof, faults, unwritten } = polder_platform::zones(&root)?;
        let holds = !faults.iter().any(Fault::is_error);
        if let Some(file) = &self.picture {
            let picture = polder_zones::picture::svg(&proof.layout);
            std::fs::write(file, picture).map_err(|error| {
                let message = format!("cannot write the picture to {}", file.display());
                Failure::new(Exit::Unavailable, message, "name a file in a folder that you may write").because(error)
            })?;
        }
        if self.allocate && holds && unwritten > 0 {
            polder_platform::write_addresses(&root, &proof)?;
        }
        match self.output {
            Form::Json => render::large_json(&serde_json::json!({
                "layout": proof.layout,
                "report": proof.report,
                "addresses": proof.addresses.iter().map(|(key, block)| (key, block.to_string())).collect::<std::collections::BTreeMap<_, _>>(),
                "unwritten": if self.allocate && holds { 0 } else { unwritten },
            }))?,
            Form::Text => render::text(&self.text(&proof)?)?,
        }
        faults::tell(&faults, context);
        if !holds {
            return Ok(Exit::Invalid);
        }
        match (unwritten, self.allocate) {
            (0, _) => {}
            (n, true) => say(format_args!("addresses.yaml has {} more: commit it", units::count(n as u64))),
            (n, false) => {
                let lines = units::count(n as u64);
                say(format_args!(
                    "{lines} networks and subnets are not in addresses.yaml: `polder zones --allocate` writes them"
                ));
            }
        }
        Ok(Exit::Ok)
    }

    fn text(&self, proof: &Proof) -> anyhow::Result<String> {
        if let Some(prefix) = &self.zone {
            return self.zones(proof, prefix);
        }
        let mut text = String::new();
        for tenant in &proof.layout.tenants {
            let production = if tenant.production { ", production" } else { "" };
            writeln!(text, "tenant {}{production}", tenant.tenant)?;
            for zone in &tenant.management {
                writeln!(text, "  management at {}: {}", zone.provider, names(&zone.items))?;
            }
            let mut listing = Listing::new(["  zone", "region", "domains>", "workspaces>", "nodes>", "addresses"]);
            for zone in &tenant.zones {
                let nodes: u64 = zone.workspaces.iter().map(|workspace| u64::from(workspace.nodes)).sum();
                listing.row([
                    format!("  {}", zone.key),
                    zone.region.clone().unwrap_or_default(),
                    zone.domains.len().to_string(),
                    zone.workspaces.len().to_string(),
                    units::count(nodes),
                    blocks(zone),
                ]);
            }
            writeln!(text, "{}", listing.text())?;
        }
        text.push_str(&self.capacity(&proof.report.lines));
        Ok(text)
    }

    fn zones(&self, proof: &Proof, prefix: &str) -> anyhow::Result<String> {
        let mut text = String::new();
        let zones = proof.layout.tenants.iter().flat_map(|tenant| &tenant.zones);
        for zone in zones.filter(|zone| zone.key.starts_with(prefix)) {
            writeln!(text, "{}  {}", zone.key, blocks(zone))?;
            writeln!(text, "  {}", names(&zone.items))?;
            if let Some(block) = zone.endpoints.block {
                writeln!(text, "  private endpoints {block}")?;
            }
            for subnet in &zone.edge {
                if let Some(block) = subnet.block {
                    writeln!(text, "  {} {block}", subnet.role)?;
                }
            }
            for workspace in &zone.workspaces {
                let subnet = |subnet: &polder_zones::layout::Subnet| match subnet.block {
                    Some(block) => format!("{} {block}", subnet.role),
                    None => format!("{} needs {}", subnet.role, subnet.needed),
                };
                let subnets: Vec<String> = workspace.subnets.iter().map(subnet).collect();
                writeln!(text, "  {}: {} nodes; {}", workspace.item.name, workspace.nodes, subnets.join(", "))?;
            }
            for domain in &zone.domains {
                writeln!(text, "  domain {}: {}", domain.domain, names(&domain.items))?;
                for storage in &domain.storage {
                    let class = &storage.class;
                    let tables = units::count(storage.tables as u64);
                    let kind = format!("{} {} {}", class.performance, class.redundancy, class.tier);
                    writeln!(text, "    {}: {kind}; {tables} tables; {}", storage.item.name, storage.why)?;
                }
            }
            writeln!(text)?;
        }
        if text.is_empty() {
            let message = format!("there is no zone that begins with {prefix:?}");
            return Err(Failure::new(Exit::NotFound, message, "`polder zones` lists them").into());
        }
        Ok(text)
    }

    fn capacity(&self, lines: &[Line]) -> String {
        let mut listing = Listing::new(["limit", "of", "used>", "planned>", "most>", "full>", "reached"]);
        let (mut last, mut shown) = ("", 0);
        for line in lines {
            shown = if line.limit == last { shown + 1 } else { 1 };
            last = line.limit;
            if shown > SHOWN && !self.all {
                continue;
            }
            listing.row([
                line.limit.to_owned(),
                line.within.clone(),
                line.used.map(units::count).unwrap_or_default(),
                units::count(line.planned),
                units::count(line.most),
                format!("{} %", line.planned.saturating_mul(100) / line.most.max(1)),
                reached(line),
            ]);
        }
        listing.text()
    }
}

fn reached(line: &Line) -> String {
    match line.months {
        Some(0) => "now".to_owned(),
        Some(months) => format!("in {months} month{}", if months == 1 { "" } else { "s" }),
        None => String::new(),
    }
}

fn names(items: &[Item]) -> String {
    items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn blocks(zone: &LandingZone) -> String {
    zone.blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
