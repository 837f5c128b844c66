//! What is declared of landing zones, and what was given out to them.

use polder_descriptor::addresses_file;
use polder_model::Provider;
use polder_model::zone::{AwsPlatform, WorkspacePer};

use crate::support::{DOMAIN, POLDER, check, lines, read};

const ADDRESSES: &str = "dev/retail/aws#1: 10.0.0.0/24\ndev/retail/aws/finance/a: 10.0.0.0/26\n";

fn polder(more: &str, expect: &[&str]) {
    check("polder.yaml", &format!("{POLDER}{more}\n"), expect);
}

#[test]
fn what_is_declared_is_read_with_each_environments_providers() {
    let more = "network: {ranges: {dev: 10.0.0.0/16, prod: [10.1.0.0/16, 10.2.0.0/16]}, elsewhere: [192.168.0.0/16], reservePercent: 50}\n\
                conventions: {workspaces: {per: department, among: 7}, awsPlatform: native, tags: {company: contoso}}\n\
                quotas: {growthPercentPerYear: 40, databricks.workspaces: 100}\n";
    let (mesh, faults) = read(&[("polder.yaml", &format!("{POLDER}{more}")), ("addresses.yaml", ADDRESSES)]);
    assert_eq!(faults, []);
    let zones = mesh.zones(&|_| None).unwrap();
    let ranges: Vec<String> = zones.network.ranges.iter().map(|(name, nets)| format!("{name} {nets:?}")).collect();
    assert_eq!(ranges, ["dev [10.0.0.0/16]", "prod [10.1.0.0/16, 10.2.0.0/16]"]);
    assert_eq!((zones.network.reserve_percent, zones.growth_percent, zones.network.elsewhere.len()), (50, 40, 1));
    assert_eq!((zones.workspaces.per, zones.workspaces.among), (WorkspacePer::Department, Some(7)));
    assert_eq!(zones.limits.into_iter().collect::<Vec<_>>(), [("databricks.workspaces".to_owned(), 100)]);
    let dev = &zones.environments["dev"];
    let expect = [(Provider::Aws, Some("eu-west-1".to_owned())), (Provider::Azure, Some("westeurope".to_owned()))];
    assert_eq!((dev.providers.as_slice(), zones.aws_platform), (&expect[..], AwsPlatform::Native));
    assert_eq!(
        addresses_file(mesh.addresses()).lines().skip(2).collect::<Vec<_>>(),
        ["dev/retail/aws#1: 10.0.0.0/24", "dev/retail/aws/finance/a: 10.0.0.0/26"]
    );
    let (again, faults) = read(&[("addresses.yaml", &addresses_file(mesh.addresses()))]);
    assert_eq!((again.addresses(), faults.len()), (mesh.addresses(), 0));
    assert!(again.zones(&|_| None).is_none(), "nothing is declared of them");
}

#[test]
fn ranges_are_ipv4_of_environments_that_are_there_and_no_two_have_the_same() {
    polder(
        "network: {ranges: {dev: 10.0.0.0/16, prod: [10.0.128.0/20], stg: 10.9.0.0/16}}",
        &[
            "11:45+13 address-overlap `10.0.128.0/20` 10.0.128.0/20 overlaps 10.0.0.0/16, which is dev's | give each environment ranges of its own: networks of all of them may be connected",
            "11:61+3 missing-environment `stg` there is no environment 'stg' | declare it under 'environments'",
        ],
    );
    polder(
        "network: {ranges: {dev: [127.0.0.0/8, 0.0.0.0/0]}}",
        &[
            "11:26+11 invalid-network `127.0.0.0/8` 127.0.0.0/8 is no range for networks of one's own | write one of a company's, such as 10.0.0.0/16",
            "11:39+9 invalid-network `0.0.0.0/0` 0.0.0.0/0 is no range for networks of one's own | write one of a company's, such as 10.0.0.0/16",
        ],
    );
    polder(
        "network: {ranges: {dev: [10.0.0.1/16, 'fd00::/8', all]}}",
        &[
            "11:26+11 invalid-network `10.0.0.1/16` 10.0.0.1/16 does not begin where a range of its length does | did you mean '10.0.0.0/16'?",
            "11:39+10 invalid-network `fd00::/8` \"fd00::/8\" is no range of IPv4 addresses | write an address and the length of its prefix, such as 10.0.0.0/16",
            "11:51+3 invalid-network `all` \"all\" is no range of IPv4 addresses | write an address and the length of its prefix, such as 10.0.0.0/16",
        ],
    );
}

#[test]
fn numbers_are_within_reason_and_words_are_known() {
    polder(
        "conventions: {workspaces: {per: team, among: 0}, awsPlatform: spark}",
        &[
            "11:33+4 unknown-value `team` 'per' is never \"team\" | there is department, domain, environment",
            "11:46+1 out-of-range `0` 'among' is a number from 1 to 10000 | -",
            "11:63+5 unknown-value `spark` 'awsPlatform' is never \"spark\" | there is databricks, native",
        ],
    );
    polder(
        "quotas: {databricks.workspace: 100, growthPercentPerYear: 40%, azure.storageAccounts: many}",
        &[
            "11:10+20 unknown-key `databricks.workspace` there is no limit 'databricks.workspace' | did you mean 'databricks.workspaces'?",
            "11:59+3 wrong-type `40%` \"40%\" is not a whole number | write digits only",
            "11:87+4 wrong-type `many` \"many\" is not a whole number | write digits only",
        ],
    );
    polder(
        "conventions: {workspaces: {per: environment, among: 3}}\nquotas: {azure.resourceGroups: 2000}",
        &[
            "11:46+5 does-not-apply `among` an environment has one workspace, and nothing to spread | take it out, or write per: department",
            "12:32+4 out-of-range `2000` resource groups of a subscription are 980 at most: the provider raises that for nobody | -",
        ],
    );
    check(
        "domains/finance/domain.yaml",
        &format!("{DOMAIN}workspace: {{nodes: 0, node: 7}}\n"),
        &[
            "4:20+1 out-of-range `0` 'nodes' is a number from 1 to 100000 | -",
            "4:23+4 unknown-key `node` there is no key 'node' here | did you mean 'nodes'?",
        ],
    );
}

#[test]
fn a_file_of_addresses_that_was_edited_is_told_where() {
    check(
        "addresses.yaml",
        "dev/retail/aws#1: 10.0.0.0/33\nfinance: 10.0.0.0/24\ndev/retail/aws#2: [10.0.0.0/24]\n",
        &[
            "1:19+11 invalid-network `10.0.0.0/33` \"10.0.0.0/33\" is no range of IPv4 addresses | write an address and the length of its prefix, such as 10.0.0.0/16",
            "2:1+7 unknown-key `finance` 'finance' is nothing that has addresses | polder writes this file: `polder zones --allocate`",
            "3:19+1 wrong-type `[...]` 'dev/retail/aws#2' is a text, not a list | -",
        ],
    );
}

#[test]
fn a_range_that_is_in_use_elsewhere_as_a_whole_is_told_with_what_covers_it() {
    let help = "write under 'elsewhere' the part of it that is in use there, or give the environment another range";
    polder(
        "network:\n  ranges: {dev: 10.1.0.0/16}\n  elsewhere: [192.168.0.0/16, 10.0.0.0/8]",
        &[&format!(
            "12:17+11 address-overlap `10.1.0.0/16` nothing of 10.1.0.0/16 can be given out to dev: 'elsewhere' covers all of it with \
             10.0.0.0/8 on line 13 | {help}"
        )],
    );
    polder(
        "network:\n  ranges: {dev: 10.1.0.0/16}\n  elsewhere:\n    - 10.1.0.0/17\n    - 10.1.128.0/17",
        &[&format!(
            "12:17+11 address-overlap `10.1.0.0/16` nothing of 10.1.0.0/16 can be given out to dev: 'elsewhere' covers all of it with \
             10.1.0.0/17 on line 14, 10.1.128.0/17 on line 15 | {help}"
        )],
    );
    polder("network: {ranges: {dev: 10.1.0.0/16}, elsewhere: [10.1.0.0/17]}", &[]);
}

#[test]
fn an_environments_ranges_are_written_once() {
    polder(
        "network: {ranges: {dev: 10.0.0.0/16, DEV: 10.1.0.0/16}}",
        &["11:38+3 duplicate-key `dev` the ranges of 'dev' are there already, on line 11 | write all of them in one list"],
    );
}

#[test]
fn tags_have_names_that_every_provider_of_the_mesh_takes_and_none_becomes_anothers() {
    let own = "that is kept for its own";
    polder(
        "conventions: {tags: {company: contoso, Cost Center: a, cost_center: b, Domain: c, \"aws:cost\": d, Azure-zone: e, \"\": f}}",
        &[
            "11:56+11 invalid-tag `cost_center` at azure it would be 'cost_center', as 'Cost Center' on line 11 is there | let them differ in more than case and signs, and in their first 63 characters",
            "11:72+6 invalid-tag `Domain` polder itself tags everything at aws with 'domain' | name it otherwise, or take it out",
            &format!(
                "11:83+10 invalid-tag `aws:cost` no tag of aws begins with 'aws:': {own} (docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html) | name it otherwise"
            ),
            &format!(
                "11:98+10 invalid-tag `Azure-zone` no tag of azure begins with 'azure': {own} (learn.microsoft.com/azure/azure-resource-manager/management/tag-resources) | name it otherwise"
            ),
            "11:113+2 invalid-tag `` a tag has a name | write one before the colon",
        ],
    );
    let many: Vec<String> = (10..22).map(|at| format!("t{at}: x")).collect();
    polder(
        &format!("conventions: {{tags: {{{}}}}}", many.join(", ")),
        &[
            "11:110+3 invalid-tag `t21` azure takes 11 tags besides those that are polder's, and this is one more (learn.microsoft.com/azure/azure-resource-manager/management/tag-resources) | take some of them out",
        ],
    );
    // Where a mesh is not, nothing is asked of its tags.
    let google = POLDER.replace("azure: {region: westeurope}", "gcp: {region: europe-west4}");
    let tags = |tags: &str| lines(&read(&[("polder.yaml", &format!("{google}conventions: {{tags: {{{tags}}}}}\n"))]).1);
    assert_eq!(tags(&many.join(", ")), [""; 0]);
    assert_eq!(tags("Azure: x, Größe: y"), [""; 0]);
    let long = "x".repeat(63);
    assert!(tags(&format!("{long}1: x, {long}2: y"))[0].contains("at gcp it would be"));
}
