//! Providers and the options of their stores.

use polder_model::{Location, Provider, Resource};

use crate::support::{CUSTOMER, DATASET_FILE, POLDER, lines, lower, read};

fn with(providers: &str) -> String {
    POLDER.replace("providers: {aws: {region: eu-west-1}, azure: {region: westeurope}}", providers)
}

fn faults(providers: &str) -> Vec<String> {
    let (_, faults) = read(&[("polder.yaml", &with(providers))]);
    lines(&faults)
}

#[test]
fn an_option_that_the_store_does_not_know_is_an_error_at_its_place() {
    for (providers, expected) in [
        (
            "providers: {aws: {regoin: eu-west-1}}",
            "polder.yaml:7:19+6 unknown-key `regoin` the store of aws has no option 'regoin' | did you mean 'region'?",
        ),
        (
            "providers: {aws: {}, azure: {account_name: contoso, accesKey: x}}",
            "polder.yaml:7:53+8 unknown-key `accesKey` the store of azure has no option 'accesKey' | did you mean 'access_key'?",
        ),
        (
            "providers: {aws: {}, gcp: {colour: red}}",
            "polder.yaml:7:28+6 unknown-key `colour` the store of gcp has no option 'colour' | known are region, endpoint, \
             service_account, service_account_key, application_credentials, skip_signature, sts_endpoint, store and others, which \
             docs/descriptors.md lists",
        ),
        (
            "providers: {aws: {bucket: x, store: cloud}}",
            "polder.yaml:7:19+6 unknown-key `bucket` the store of aws has no option 'bucket' | known are region, endpoint, \
             access_key_id, secret_access_key, session_token, virtual_hosted_style_request, skip_signature, unsigned_payload and \
             others, which docs/descriptors.md lists",
        ),
        (
            "providers: {aws: {token: \"${secret:A}\", AWS_SESSION_TOKEN: \"${secret:B}\"}}",
            "polder.yaml:7:41+17 duplicate-key `AWS_SESSION_TOKEN` 'AWS_SESSION_TOKEN' is there already: it is another name of \
             'session_token' | leave one of the two out",
        ),
    ] {
        assert_eq!(faults(providers), [expected], "{providers}");
    }
}

#[test]
fn an_options_value_is_of_its_kind() {
    for (providers, expected) in [
        (
            "providers: {aws: {store: clod}}",
            "polder.yaml:7:26+4 unknown-value `clod` 'store' is never \"clod\" | write cloud, zones or folder",
        ),
        (
            "providers: {aws: {store: cloud, skip_signature: maybe}}",
            "polder.yaml:7:49+5 wrong-type `maybe` 'skip_signature' is true or false | write true or false",
        ),
        (
            "providers: {aws: {endpoint: \"https://key:word@store\"}}",
            "polder.yaml:7:29+24 wrong-type `endpoint` 'endpoint' is the address of a server, without a user, a password or a query \
             | write it as https://name:port",
        ),
    ] {
        assert_eq!(faults(providers), [expected], "{providers}");
    }
    assert_eq!(
        faults("providers: {aws: {store: cloud, skip_signature: \"${SKIP}\", endpoint: \"${WHERE}\"}}"),
        Vec::<String>::new()
    );
}

#[test]
fn a_secret_in_the_file_is_warned_of_and_not_repeated() {
    let found = faults("providers: {aws: {}, azure: {account: contoso, access_key: c2VjcmV0}}");
    let expected = "polder.yaml:7:60+8 warning secret-in-text `access_key` 'access_key' is a secret, and a file is no place for one | \
                    write ${secret:NAME}, and set NAME in the environment of polder";
    assert_eq!(found, [expected]);
    assert_eq!(faults("providers: {aws: {}, azure: {account: contoso, access_key: \"${secret:KEY}\"}}"), Vec::<String>::new());
}

#[test]
fn options_fit_together_in_every_environment() {
    let place = |environment: &str| POLDER.replace("{name: dev, tenant: nonprod}", environment);
    let told = |polder: &str| lines(&read(&[("polder.yaml", polder)]).1);
    let account = "missing-key `azure` azure is a store here, and its account is missing | write account_name, or store: folder for a \
                   folder of the local disk";
    assert_eq!(faults("providers: {aws: {}, azure: {store: cloud}}"), [format!("polder.yaml:7:22+5 {account}")]);
    let dev = place("{name: dev, tenant: nonprod, providers: {azure: {store: cloud}}}");
    assert_eq!(told(&dev), [format!("polder.yaml:4:46+5 {account}")]);
    let plain = "plain-http `aws` what is sent to aws could be read on the way: its endpoint is http | write https, or allow_http: true \
                 where that is meant, as for an emulator";
    assert_eq!(faults("providers: {azure: {}, aws: {endpoint: \"http://store\"}}"), [format!("polder.yaml:7:24+3 {plain}")]);
    let dev = place("{name: dev, tenant: nonprod, providers: {aws: {endpoint: \"http://store\", allow_http: true}}}");
    assert_eq!(told(&dev), Vec::<String>::new());
    let pair = "missing-key `aws` access_key_id and secret_access_key go together | write both, or none for the credentials of the \
                machine";
    assert_eq!(faults("providers: {azure: {}, aws: {access_key_id: AKIA}}"), [format!("polder.yaml:7:24+3 {pair}")]);
    let zones = "missing-key `aws` the buckets of aws are those of landing zones here, and no landing zones are declared | write network: \
                 {ranges: ...}, as docs/zones.md says, or store: cloud";
    assert_eq!(faults("providers: {azure: {}, aws: {store: zones}}"), [format!("polder.yaml:7:24+3 {zones}")]);
    let network = "\nnetwork: {ranges: {dev: 10.0.0.0/16}}";
    assert_eq!(faults(&format!("providers: {{aws: {{store: zones}}, azure: {{store: zones}}}}{network}")), Vec::<String>::new());
    let named = "does-not-apply `azure` each domain has accounts of its own in landing zones, and one is named here | take account_name \
                 out, or write store: cloud";
    assert_eq!(
        faults(&format!("providers: {{aws: {{}}, azure: {{store: zones, account_name: contoso}}}}{network}")),
        [format!("polder.yaml:7:22+5 {named}")]
    );
    // A folder's options may be incomplete: they are not used.
    assert_eq!(faults("providers: {azure: {}, aws: {access_key_id: AKIA, store: folder}}"), Vec::<String>::new());
}

#[test]
fn a_bucket_of_a_store_has_a_name_that_every_cloud_takes() {
    let dataset = CUSTOMER.replace("prefix: bronze", "prefix: bronze, bucket: old_customers");
    let location = |polder: &str, environment: &str| -> Location {
        let desired = lower(&[("polder.yaml", polder), (DATASET_FILE, &dataset)], environment);
        let mut tables = desired.resources.values().filter_map(|declared| match &*declared.resource {
            Resource::Table(table) => Some(table.location.clone()),
            _ => None,
        });
        tables.next_back().unwrap()
    };
    let dev = location(POLDER, "dev");
    assert_eq!((dev.provider, dev.bucket.as_str()), (Provider::Aws, "dev-old_customers"));
    let polder = with("providers: {aws: {region: eu-west-1, store: cloud}, azure: {}}");
    assert_eq!(location(&polder, "dev").bucket.as_str(), "dev-old-customers");
    let polder = POLDER.replace("production: true}", "production: true, providers: {aws: {store: cloud}}}");
    assert_eq!(location(&polder, "dev").bucket.as_str(), "dev-old_customers");
    assert_eq!(location(&polder, "prod").bucket.as_str(), "prod-old-customers");
    let twice = CUSTOMER.replace("prefix: bronze", "prefix: bronze, bucket: old__customers");
    let (mesh, _) = read(&[("polder.yaml", &polder), (DATASET_FILE, &twice)]);
    let (_, faults) = mesh.lower(&"prod".parse().unwrap(), &|_| None);
    assert!(lines(&faults)[0].contains("a store takes no bucket 'prod-old--customers'"), "{:?}", lines(&faults));
}
