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

#[test]
fn a_region_is_one_of_the_provider_or_is_named_as_new() {
    for (providers, expected) in [
        (
            "providers: {aws: {}, azure: {region: westeuropa}}",
            "polder.yaml:7:38+10 unknown-region `westeuropa` azure has no region 'westeuropa' that is known here | did you mean \
             'westeurope'? if azure has it by now, name it: regions: {azure: [westeuropa]}",
        ),
        (
            "providers: {azure: {}, aws: {region: eu-west-99}}",
            "polder.yaml:7:38+10 unknown-region `eu-west-99` aws has no region 'eu-west-99' that is known here | did you mean \
             'eu-west-1' or 'eu-west-2' or 'eu-west-3'? if aws has it by now, name it: regions: {aws: [eu-west-99]}",
        ),
        (
            "providers: {aws: {}, azure: {region: West Europe}}",
            "polder.yaml:7:38+11 unknown-region `West Europe` azure has no region 'West Europe' | did you mean 'westeurope'?",
        ),
        (
            "providers: {aws: {}, gcp: {region: europe-west99}}",
            "polder.yaml:7:36+13 unknown-region `europe-west99` gcp has no region 'europe-west99' that is known here | did you mean \
             'europe-west9' or 'europe-west1' or 'europe-west10'? if gcp has it by now, name it: regions: {gcp: [europe-west99]}",
        ),
        (
            "providers: {aws: {}, azure: {region: eu-west-1}}",
            "polder.yaml:7:38+9 unknown-region `eu-west-1` azure has no region 'eu-west-1': it is one of aws | write one that \
             learn.microsoft.com/azure/reliability/regions-list lists",
        ),
        (
            "providers: {azure: {}, aws: {region: us-east1}}",
            "polder.yaml:7:38+8 unknown-region `us-east1` aws has no region 'us-east1': it is one of gcp | did you mean 'us-east-1' or \
             'us-east-2'?",
        ),
        (
            "providers: {aws: {region: mars}}",
            "polder.yaml:7:27+4 unknown-region `mars` aws has no region 'mars' that is known here | write one that \
             docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html lists; if aws has it by now, name it: regions: \
             {aws: [mars]}",
        ),
    ] {
        assert_eq!(faults(providers), [expected], "{providers}");
    }
    for providers in [
        "providers: {aws: {region: eu-west-99}}\nregions: {aws: [eu-west-99]}",
        // A store of one's own has regions of its own.
        "providers: {aws: {region: garage, endpoint: \"https://store\"}}",
        "providers: {azure: {region: \"${REGION}\"}, aws: {}}",
    ] {
        assert_eq!(faults(providers), [""; 0], "{providers}");
    }
    assert_eq!(
        faults("providers: {aws: {}}\nregions: {aws: [EU West], azur: [x]}"),
        [
            "polder.yaml:8:17+7 unknown-region `EU West` no region is named \"EU West\" | write it as the provider's own tools do: lower \
             case letters, digits and '-'",
            "polder.yaml:8:27+4 unknown-provider `azur` there is no provider \"azur\" | did you mean 'azure'?",
        ]
    );
}

#[test]
fn a_region_is_looked_at_in_each_environment_and_behind_variables() {
    let dev = |environment: &str| POLDER.replace("{name: dev, tenant: nonprod}", environment);
    let own = dev("{name: dev, tenant: nonprod, providers: {azure: {region: westeuropa}}}");
    let (_, faults) = read(&[("polder.yaml", &own)]);
    assert_eq!((faults.len(), faults[0].line, faults[0].code.as_ref()), (1, 4, "unknown-region"));
    let variable = dev("{name: dev, tenant: nonprod, variables: {AT: westeuropa}, providers: {azure: {region: \"${AT}\"}}}");
    let (mesh, faults) = read(&[("polder.yaml", &variable)]);
    assert_eq!(lines(&faults), [""; 0]);
    let (_, faults) = mesh.lower(&"dev".parse().unwrap(), &|_| None);
    assert_eq!((faults.len(), faults[0].line, faults[0].offending.as_str()), (1, 4, "westeuropa"));
    assert_eq!(mesh.lower(&"prod".parse().unwrap(), &|_| None).1, []);
}

#[test]
fn a_region_without_availability_zones_is_warned_of_where_landing_zones_are() {
    let providers = "providers: {aws: {}, azure: {region: ukwest}}";
    assert_eq!(faults(providers), [""; 0]);
    let expected = "polder.yaml:7:38+6 warning one-zone `ukwest` 'ukwest' has no availability zones, which landing zones at azure keep \
                    their storage in | write a region that has some (learn.microsoft.com/azure/reliability/regions-list), or keep it \
                    where it has some by now";
    assert_eq!(faults(&format!("{providers}\nnetwork: {{}}")), [expected]);
    assert_eq!(faults(&format!("{providers}\nnetwork: {{}}\nregions: {{azure: ukwest}}")), [""; 0]);
}

#[test]
fn a_value_that_the_store_would_not_read_is_a_fault_at_its_place() {
    let check = |option: &str, expected: &str| {
        let found = faults(&format!("providers: {{azure: {{}}, aws: {{store: cloud, {option}}}}}"));
        let found: Vec<&str> = found.iter().map(|line| line.split_once(' ').unwrap().1).collect();
        assert_eq!(found, [expected], "{option}");
    };
    let span = "is a span of time | write numbers with their units, such as 30s or 1m 30s";
    check("timeout: soon", &format!("wrong-type `soon` 'timeout' {span}"));
    check("connect_timeout: 30", &format!("wrong-type `30` 'connect_timeout' {span}"));
    check("pool_idle_timeout: -5s", &format!("wrong-type `-5s` 'pool_idle_timeout' {span}"));
    check(
        "pool_max_idle_per_host: many",
        "wrong-type `many` 'pool_max_idle_per_host' is a whole number from 0 to 4294967295 | write one of these, in digits only",
    );
    check(
        "http2_max_frame_size: 1024",
        "wrong-type `1024` 'http2_max_frame_size' is a whole number from 16384 to 16777215 | write one of these, in digits only",
    );
    check(
        "user_agent: \"pölder\"",
        "wrong-type `pölder` 'user_agent' is a text of ASCII on one line | write letters, digits and signs of ASCII",
    );
    check(
        "proxy_url: \"ftp://key:word@proxy\"",
        "wrong-type `proxy_url` 'proxy_url' is the address of a proxy | write it as http://name:port",
    );
    check(
        "proxy_ca_certificate: ca.pem",
        "wrong-type `ca.pem` 'proxy_ca_certificate' is a certificate, and not where one is | write the text that begins with -----BEGIN CERTIFICATE-----",
    );
    check(
        "checksum_algorithm: md5",
        "wrong-type `md5` 'checksum_algorithm' is a word that the store knows | write one of sha256, SHA256",
    );
    check(
        "server_side_encryption: kms",
        "wrong-type `kms` 'server_side_encryption' is a word that the store knows | write one of AES256, aws:kms, aws:kms:dsse, sse-c",
    );
    let account = faults("providers: {aws: {}, azure: {account_name: my-account}}");
    let expected = "polder.yaml:7:44+10 wrong-type `my-account` 'account_name' is a storage account's name | write its 3 to 24 lower case \
                    letters and digits, without the rest of its address";
    assert_eq!(account, [expected]);
    for option in [
        "timeout: 1m 30s",
        "timeout: 0",
        "timeout: 4.2s",
        "timeout: \"${T}\"",
        "proxy_url: \"proxy:3128\"",
        "http2_max_frame_size: 65536",
    ] {
        assert_eq!(faults(&format!("providers: {{azure: {{}}, aws: {{store: cloud, {option}}}}}")), [""; 0], "{option}");
    }
}

#[test]
fn a_provider_is_written_once_in_whatever_case() {
    let expected = "polder.yaml:7:33+3 duplicate-key `AWS` 'AWS' is there already: it is another way to write 'aws' | leave one of the \
                    two out";
    assert_eq!(faults("providers: {azure: {}, aws: {}, AWS: {region: eu-west-2}}"), [expected]);
}
