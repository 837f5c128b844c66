//! The documents hold: what a page shows is a mesh without fault, its commands end as it says, and its links lead somewhere.
//!
//! A page of the guide is a script. Its blocks that begin with `# file: <path>` are the files of one mesh; a file that is shown
//! again is changed there. In its `sh` blocks every line is a command of polder, which succeeds or ends with the exit code
//! written behind it, as in `polder plan # exit 5`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use polder_model::{Mask, Privilege};
use regex::Regex;
use tempfile::TempDir;

use crate::support::{polder, write};

#[test]
fn what_the_page_on_descriptors_shows_works() {
    Page::read("docs/descriptors.md").play();
}

#[test]
fn what_the_page_on_access_shows_works() {
    Page::read("docs/access.md").play();
}

#[test]
fn what_the_page_on_jobs_shows_works() {
    Page::read("docs/jobs.md").play();
}

#[test]
fn what_the_page_on_sharing_shows_works() {
    Page::read("docs/sharing.md").play();
}

#[test]
fn what_the_page_on_exports_shows_works() {
    Page::read("docs/exports.md").play();
}

#[test]
fn what_the_page_on_delivery_shows_works() {
    Page::read("docs/delivery.md").play();
}

#[test]
fn what_the_page_on_personal_copies_shows_works() {
    Page::read("docs/personal.md").play();
}

#[test]
fn what_the_page_on_secrets_shows_works() {
    Page::read("docs/secrets.md").play();
}

#[test]
fn what_the_page_on_zones_shows_works() {
    Page::read("docs/zones.md").play();
}

#[test]
fn the_page_on_zones_names_every_limit() {
    let page = fs::read_to_string(root().join("docs/zones.md")).unwrap();
    for limit in polder_model::limit::LIMITS {
        let row = format!("| `{}` | {} {}", limit.name, thousands(limit.most), limit.what);
        assert!(page.contains(&row) && page.contains(limit.source), "docs/zones.md has no row {row}");
    }
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

#[test]
fn what_the_page_on_sql_shows_works() {
    let folder = TempDir::new().unwrap();
    let dataset = |name: &str, layer: &str, columns: &str| {
        let path = format!("domains/sales/datasets/{name}.yaml");
        let text = format!(
            "{{entityName: {name}, entityVersion: v1, coldStorage: {{location: {{bucket: shop, prefix: {layer}}}}}, columns: [{columns}]}}\n"
        );
        write(folder.path(), &path, &text);
    };
    let mesh = "organization: Shop\ntenants: [{name: t}]\nenvironments: [{name: dev, tenant: t}]\ndepartments: [d]\nproviders: {aws: {}}\n\
                users: [ana]\ngroups: [{name: owners, members: [ana]}, {name: analysts}, {name: data-stewards}]\n";
    write(folder.path(), "polder.yaml", mesh);
    write(folder.path(), "domains/sales/domain.yaml", "{department: d, owner: owners}\n");
    let orders = "{name: id, type: bigint}, {name: customer, type: string, tags: [pii]}, {name: amount, type: 'decimal(12,2)', optional: true}";
    dataset("orders", "bronze", orders);
    dataset("best", "gold", orders);
    dataset("cancelled", "bronze", "{name: id, type: bigint}");
    dataset("corrections", "bronze", &format!("{orders}, {{name: gone, type: boolean, optional: true}}"));
    write(folder.path(), "domains/sales/datasets/landing.yaml", "{entityName: landing, entityVersion: v1, type: volume}\n");
    polder(folder.path(), &["apply", "--yes"]).well();
    for (name, text) in [
        ("2026/orders.csv", "id|customer|amount\n7|Kai|NA\n"),
        ("orders.json", "{\"id\": 8, \"customer\": \"Lea\", \"colour\": \"red\"}\n"),
        ("more/orders.json", "{\"id\": 9, \"customer\": \"Mia\"}\n"),
    ] {
        write(folder.path(), "file", text);
        polder(folder.path(), &["volume", "put", "file", &format!("sales.bronze.landing_v1/{name}")]).well();
    }
    write(folder.path(), "some.json", "{\"id\": 10, \"customer\": \"Noa\"}\n");
    let (code, said) =
        shell(folder.path(), "gzip some.json && polder volume put some.json.gz sales.bronze.landing_v1/some.json.gz");
    assert_eq!(code, 0, "{said}");
    let page = fs::read_to_string(root().join("docs/sql.md")).unwrap();
    let statements: Vec<String> = blocks(&page)
        .into_iter()
        .filter(|block| block.language == "sql")
        .flat_map(|block| block.text.split(';').map(|sql| sql.trim().to_owned()).collect::<Vec<_>>())
        .filter(|sql| !sql.is_empty())
        .collect();
    assert!(statements.len() > 30, "{}", statements.len());
    for sql in statements {
        // What the page has made and dropped again, it goes on with.
        if sql.starts_with("GRANT") {
            for again in ["CREATE SCHEMA sales.sandbox", "CREATE TABLE sales.sandbox.t (id bigint)"] {
                polder(folder.path(), &["query", again]).well();
            }
        }
        let at = "2026-01-31T12:00:00Z";
        let now = chrono::Utc::now().to_rfc3339();
        polder(folder.path(), &["query", &sql.replace(at, &now)]).well();
    }
}

#[test]
fn what_the_page_on_federation_shows_works() {
    Page::read("docs/federation.md").play();
}

#[test]
fn what_the_page_on_volumes_shows_works() {
    Page::read("docs/volumes.md").play();
}

#[test]
fn a_mesh_of_your_own_works_as_the_readme_says() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, section) = readme.split_once("## A mesh of your own").expect("the README has this section");
    let block = blocks(section).into_iter().next().expect("the section begins with its commands");
    let folder = TempDir::new().unwrap();
    let (code, said) = shell(folder.path(), &format!("set -ex\n{}", block.text));
    assert_eq!(code, 0, "{said}");
    assert!(block.text.lines().all(|line| line.starts_with("polder ")), "{}", block.text);
}

#[test]
fn the_page_on_descriptors_names_every_key() {
    let page = fs::read_to_string(root().join("docs/descriptors.md")).unwrap();
    let folder = TempDir::new().unwrap();
    let mut keys = BTreeSet::new();
    for kind in ["polder", "domain", "dataset", "job", "share", "connection", "access"] {
        let schema = polder(folder.path(), &["schema", kind]).well();
        let schema = serde_json::from_str(&schema).unwrap();
        collect_keys(&schema, &mut keys);
    }
    assert!(keys.contains("entityVersion") && keys.contains("partitioningColumns"), "{keys:?}");
    let missing: Vec<&String> = keys.iter().filter(|key| !page.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/descriptors.md says nothing of {missing:?}");
}

#[test]
fn the_page_on_access_names_every_privilege_and_mask() {
    let page = fs::read_to_string(root().join("docs/access.md")).unwrap();
    let names = Privilege::ALL.iter().map(|p| p.as_str()).chain(Mask::ALL.iter().map(|m| m.as_str()));
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/access.md says nothing of {name}");
    }
}

#[test]
fn every_link_leads_to_a_file() {
    let link = Regex::new(r"\]\(([^)\s#]+)(#[^)\s]*)?\)").unwrap();
    let mut broken = Vec::new();
    let pages = documents();
    assert!(pages.len() >= 8, "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let targets = link.captures_iter(&text).map(|found| found[1].to_owned());
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
            if !page.parent().unwrap().join(&target).exists() {
                broken.push(format!("{}: {target}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

/// A fenced block.
struct Block {
    language: String,
    text: String,
}

/// A page of the guide.
struct Page {
    name: String,
    blocks: Vec<Block>,
}

impl Page {
    fn read(name: &str) -> Self {
        let text = fs::read_to_string(root().join(name)).unwrap();
        Self { name: name.to_owned(), blocks: blocks(&text) }
    }

    /// Makes the page's mesh, validates it, and does what the page does from top to bottom.
    fn play(&self) {
        let folder = TempDir::new().unwrap();
        let folder = folder.path();
        let mut files = BTreeSet::new();
        for (path, text) in self.blocks.iter().filter_map(Block::file) {
            // Data comes when the page comes to it.
            if !path.starts_with("landing/") && files.insert(path) {
                write(folder, path, text);
            }
        }
        let valid = polder(folder, &["validate"]);
        assert!(valid.stdout.starts_with("valid: "), "{}: {}", self.name, valid.all());
        let mut commands = 0;
        for block in &self.blocks {
            if let Some((path, text)) = block.file() {
                write(folder, path, text);
            } else if block.language == "sh" {
                commands += block.text.lines().filter(|line| self.command(folder, line)).count();
            }
        }
        assert!(commands > 0, "{} shows no command", self.name);
    }

    /// Runs a line of a `sh` block; false when it is empty or a comment.
    fn command(&self, folder: &Path, line: &str) -> bool {
        if line.is_empty() || line.starts_with("# ") {
            return false;
        }
        assert!(line.starts_with("polder "), "{}: this line is not run: {line}", self.name);
        let expected = line.rsplit_once("# exit ").map_or(0, |(_, code)| code.trim().parse().unwrap());
        let (code, said) = shell(folder, line);
        assert_eq!(code, expected, "{}: {line}\n{said}", self.name);
        true
    }
}

impl Block {
    /// The path and the text of a file of the mesh, if the block is one.
    fn file(&self) -> Option<(&str, &str)> {
        let (first, rest) = self.text.split_once('\n')?;
        let comment = first.trim_start_matches(['#', '/', '-']);
        Some((comment.strip_prefix(" file: ")?, rest))
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(language), None) => open = Some(Block { language: language.to_owned(), text: String::new() }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

/// Runs a script in which `polder` is the built binary.
fn shell(folder: &Path, script: &str) -> (i32, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_polder")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(binary).chain(std::env::split_paths(&path))).unwrap();
    let output = Command::new("sh").arg("-c").arg(script).current_dir(folder).env("PATH", path).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code().unwrap_or(-1), said.concat())
}

fn root() -> PathBuf {
    std::env::current_dir().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// The documents that readers are led to.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["README.md", "ARCHITECTURE.md", "GLOSSARY.md"].iter().map(|name| root().join(name)).collect();
    collect(&root().join("docs"), &|path| path.extension().is_some_and(|ending| ending == "md"), &mut found);
    collect(&root().join("examples"), &|path| path.ends_with("README.md"), &mut found);
    found
}

fn collect(folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, wanted, found);
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

/// The names of all properties of a JSON Schema.
fn collect_keys(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(entries) => {
            for (name, value) in entries {
                if let ("properties", Some(properties)) = (name.as_str(), value.as_object()) {
                    keys.extend(properties.keys().cloned());
                    properties.values().for_each(|property| collect_keys(property, keys));
                } else {
                    collect_keys(value, keys);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}
