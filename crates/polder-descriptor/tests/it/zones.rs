//! What is declared of landing zones, and what was given out to them.

use polder_descriptor::addresses_file;
use polder_model::Provider;
use polder_model::zone::{AwsPlatform, WorkspacePer};

use crate::support::{DOMAIN, POLDER, check, read};

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
