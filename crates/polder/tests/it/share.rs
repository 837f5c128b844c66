//! Shares from the command line.

use serde_json::Value;

use crate::support::{edit, polder, starter, write};

#[test]
fn a_profile_names_a_server_or_is_not_made() {
    let mesh = starter();
    let folder = mesh.path();
    let share = "{name: partners, datasets: [{name: orders, version: v1}], recipients: [acme]}\n";
    write(folder, "domains/sales/shares/partners.yaml", share);
    polder(folder, &["apply", "--yes"]).well();
    for more in [&[][..], &["--oauth"], &["--out", "acme.share"]] {
        let said = polder(folder, &[&["share", "profile", "acme"][..], more].concat());
        assert!(said.code == 2 && said.stderr.contains("server.url"), "{}", said.all());
    }
    assert!(!folder.join("acme.share").exists());
    assert!(!polder(folder, &["token", "list", "--all"]).well().contains("acme"), "no token is left of it");
    let named = "tenants: [{name: nonprod, server: {url: 'https://polder.example.com'}}, production]";
    edit(folder, "polder.yaml", "tenants: [nonprod, production]", named);
    let profile: Value = serde_json::from_str(&polder(folder, &["share", "profile", "acme"]).well()).unwrap();
    assert_eq!(profile["endpoint"], "https://polder.example.com/delta-sharing");
}
