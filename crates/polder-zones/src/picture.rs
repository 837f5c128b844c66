//! The layout as a picture: a frame for each tenant, in it a row of boxes for each environment, and a box for each landing zone.

use svg::Document;
use svg::node::element::{Group, Rectangle, Text, Title};

use crate::layout::{LandingZone, Layout, TenantLayout};
use crate::space::size;

const WIDTH: usize = 1_200;
const MARGIN: usize = 16;
const COLUMNS: usize = 6;
const BOX: (usize, usize) = (186, 64);
const GAP: usize = 6;
const LINE: usize = 26;

/// Draws a layout as SVG. What is drawn lies within the picture's own size, and names are text whatever characters they have.
#[must_use]
pub fn svg(layout: &Layout) -> String {
    let mut y = MARGIN;
    let mut picture = Document::new().set("xmlns", "http://www.w3.org/2000/svg").set("font-family", "system-ui, sans-serif");
    picture = picture.add(Title::new(format!("Landing zones of {}", layout.organization)));
    picture = picture.add(words(MARGIN, y + 18, 20, "#1b2a33", &layout.organization));
    y += 2 * LINE;
    for tenant in &layout.tenants {
        let (group, height) = of_tenant(tenant, y);
        picture = picture.add(group);
        y += height + MARGIN;
    }
    picture.set("viewBox", (0, 0, WIDTH, y)).set("width", WIDTH).set("height", y).to_string()
}

fn of_tenant(tenant: &TenantLayout, top: usize) -> (Group, usize) {
    let mut group = Group::new();
    let mut y = top + LINE;
    let kind = if tenant.production { "tenant, production" } else { "tenant" };
    group = group.add(words(2 * MARGIN, y, 15, "#1b2a33", &format!("{} ({kind})", tenant.tenant)));
    let mut row = y + LINE / 2;
    for zone in &tenant.management {
        let items: Vec<&str> = zone.items.iter().take(3).map(|item| item.name.as_str()).collect();
        let said = format!("{} management: {}", zone.provider, items.join(", "));
        row += LINE;
        group = group.add(words(2 * MARGIN, row, 12, "#47606e", &said));
    }
    y = row + LINE;
    let mut environments: Vec<_> = tenant.zones.iter().map(|zone| &zone.environment).collect();
    environments.dedup();
    for environment in environments {
        group = group.add(words(2 * MARGIN, y + 14, 13, "#1b2a33", environment.as_str()));
        y += LINE;
        let zones: Vec<&LandingZone> = tenant.zones.iter().filter(|zone| zone.environment == *environment).collect();
        for (at, zone) in zones.iter().enumerate() {
            let x = 2 * MARGIN + (at % COLUMNS) * (BOX.0 + GAP);
            group = group.add(of_zone(zone, x, y + (at / COLUMNS) * (BOX.1 + GAP)));
        }
        y += zones.len().div_ceil(COLUMNS) * (BOX.1 + GAP) + GAP;
    }
    let height = y - top;
    let frame = rectangle(MARGIN, top, (WIDTH - 2 * MARGIN, height), "none").set("stroke", "#7fa7b5").set("rx", 8);
    (Group::new().add(frame).add(group), height)
}

fn of_zone(zone: &LandingZone, x: usize, y: usize) -> Group {
    let name = zone.department.as_ref().map_or("shared", |department| department.as_str());
    let (domains, workspaces) = (zone.domains.len(), zone.workspaces.len());
    let counts = format!("{} domain{}, {} workspace{}", domains, plural(domains), workspaces, plural(workspaces));
    let space = match zone.blocks.as_slice() {
        [] => "no address space".to_owned(),
        [only] => only.to_string(),
        [first, ..] => format!("{first} and {} more", zone.blocks.len() - 1),
    };
    let all: u64 = zone.blocks.iter().map(|block| size(*block)).sum();
    let subnets = zone.workspaces.iter().flat_map(|workspace| &workspace.subnets).chain([&zone.endpoints]).chain(&zone.edge);
    let given: u64 = subnets.filter_map(|subnet| subnet.block).map(size).sum();
    // How much of its space is given out, along the lower edge.
    let full = usize::try_from(given.saturating_mul(BOX.0 as u64) / all.max(1)).unwrap_or(0).min(BOX.0);
    let fill = match zone.provider {
        polder_model::Provider::Azure => "#e3f0f7",
        polder_model::Provider::Aws => "#fbeedd",
        polder_model::Provider::Gcp => "#e7f3e4",
    };
    Group::new()
        .add(Title::new(zone.key.clone()))
        .add(rectangle(x, y, BOX, fill).set("stroke", "#b9ccd5").set("rx", 4))
        .add(words(x + 8, y + 18, 12, "#1b2a33", &cut(name)))
        .add(words(x + 8, y + 34, 11, "#47606e", &counts))
        .add(words(x + 8, y + 50, 11, "#47606e", &format!("{}, {space}", zone.provider)))
        .add(rectangle(x, y + BOX.1 - 4, (full, 4), "#2f7d95"))
}

/// As much of a name as fits into a box; all of it is in its title.
fn cut(name: &str) -> String {
    if name.chars().count() <= 26 { name.to_owned() } else { name.chars().take(25).chain(['…']).collect() }
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn words(x: usize, y: usize, points: usize, color: &str, text: &str) -> Text {
    Text::new(text).set("x", x).set("y", y).set("font-size", points).set("fill", color)
}

fn rectangle(x: usize, y: usize, (width, height): (usize, usize), fill: &str) -> Rectangle {
    Rectangle::new().set("x", x).set("y", y).set("width", width).set("height", height).set("fill", fill)
}
