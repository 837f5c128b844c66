//! Providers as the organization and its environments declare them: the options of their stores, by the one name that each has, and
//! whether they fit together.

use std::collections::BTreeMap;

use polder_model::Provider;
use polder_model::store_option::{
    ACCOUNT, ALLOW_HTTP, EMULATOR, ENDPOINT, REGION, STORE, STORES, StoreOption, ValueKind, find, flag_value, is_of_zones,
    is_store, options,
};

use crate::descriptor::option_value;
use crate::fault::{Fault, Severity, Span};
use crate::reader::{Fields, Problem, Reader, Spanned, Written};
use crate::region;
use crate::suggest;
use crate::yaml::{Entry, Node};

/// Options of a store by name, as declared.
pub(crate) type Options = BTreeMap<String, String>;

/// A provider with its options.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) provider: Spanned<Provider>,
    options: Options,
    /// Where its region is written.
    region: Option<Span>,
}

/// Regions that a mesh names because they are not known here yet.
pub(crate) type NewRegions = Vec<(Provider, Spanned<RegionName>)>;

/// The name of a region that is not known here.
#[derive(Debug, Clone)]
pub(crate) struct RegionName(String);

impl Written for RegionName {
    fn read(text: &str) -> Result<Self, Problem> {
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !text.is_empty() && text.bytes().all(known) {
            return Ok(Self(text.to_owned()));
        }
        let help = Some("write it as the provider's own tools do: lower case letters, digits and '-'".to_owned());
        Err(Problem { code: "unknown-region", message: format!("no region is named {text:?}"), help })
    }
}

/// How many options are named to whoever wrote one that there is not.
const NAMED: usize = 8;

/// Reads the providers of the organization or of one environment.
pub(crate) fn providers(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<Declared> {
    let mut providers: Vec<Declared> = Vec::new();
    for entry in fields.entries(r, "providers") {
        let Some(provider) = named(r, entry) else { continue };
        // Case counts for nothing in a provider's name.
        if of(&providers, provider.value).is_some() {
            let message = format!("'{}' is there already: it is another way to write '{}'", entry.key, provider.value);
            r.error(entry.span, "duplicate-key", &entry.key, message).help = Some("leave one of the two out".to_owned());
            continue;
        }
        providers.push(read_options(r, provider, &entry.value));
    }
    providers
}

fn named(r: &mut Reader<'_>, entry: &Entry) -> Option<Spanned<Provider>> {
    match Provider::read(&entry.key) {
        Ok(value) => Some(Spanned { value, span: entry.span }),
        Err(problem) => {
            r.problem(entry.span, &entry.key, problem);
            None
        }
    }
}

/// Reads the regions that a mesh names.
pub(crate) fn new_regions(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> NewRegions {
    let mut regions = NewRegions::new();
    for entry in fields.entries(r, "regions") {
        let Some(provider) = named(r, entry) else { continue };
        let items = r.items(&entry.value, format_args!("the regions of '{}'", entry.key), true);
        regions.extend(items.iter().filter_map(|item| Some((provider.value, r.parsed(item, "a region")?))));
    }
    regions
}

fn read_options(r: &mut Reader<'_>, provider: Spanned<Provider>, node: &Node) -> Declared {
    let mut declared = Declared { provider, options: Options::new(), region: None };
    if node.is_null() {
        return declared;
    }
    let provider = declared.provider.value;
    for entry in r.entries(node, "settings") {
        let Some(text) = r.text(&entry.value, format_args!("'{}'", entry.key)) else { continue };
        let Some(option) = find(provider, &entry.key) else {
            unknown(r, provider, entry);
            continue;
        };
        check_value(r, option, entry, &text.value);
        if option.name == REGION {
            declared.region = Some(text.span);
        }
        if declared.options.insert(option.name.to_owned(), text.value).is_some() {
            let message = format!("'{}' is there already: it is another name of '{}'", entry.key, option.name);
            r.error(entry.span, "duplicate-key", &entry.key, message).help = Some("leave one of the two out".to_owned());
        }
    }
    declared
}

fn unknown(r: &mut Reader<'_>, provider: Provider, entry: &Entry) {
    let known = || options(provider).flat_map(StoreOption::names);
    let help = suggest::nearest(&entry.key, known()).map_or_else(
        || {
            let first: Vec<&str> = options(provider).take(NAMED).map(|option| option.name).collect();
            format!("known are {} and others, which docs/descriptors.md lists", first.join(", "))
        },
        |near| format!("did you mean '{near}'?"),
    );
    r.error(entry.span, "unknown-key", &entry.key, format!("the store of {provider} has no option '{}'", entry.key)).help =
        Some(help);
}

/// Looks at an option's value, unless a variable or secret stands for it.
fn check_value(r: &mut Reader<'_>, option: &StoreOption, entry: &Entry, value: &str) {
    let (key, span) = (&*entry.key, entry.value.span);
    if value.contains("${") {
        return;
    }
    let (code, message, help) = match option.value {
        ValueKind::Secret => {
            let help = "write ${secret:NAME}, and set NAME in the environment of polder".to_owned();
            ("secret-in-text", format!("'{key}' is a secret, and a file is no place for one"), help)
        }
        ValueKind::Flag if flag_value(value).is_none() => {
            ("wrong-type", format!("'{key}' is true or false"), "write true or false".to_owned())
        }
        ValueKind::Url if !is_address(value) => {
            let message = format!("'{key}' is the address of a server, without a user, a password or a query");
            ("wrong-type", message, "write it as https://name:port".to_owned())
        }
        ValueKind::Text if option.name == STORE && !STORES.contains(&value) => {
            ("unknown-value", format!("'{key}' is never {value:?}"), "write cloud, zones or folder".to_owned())
        }
        _ => match option_value::misfit(option.name, value) {
            Some((what, help)) => ("wrong-type", format!("'{key}' is {what}"), help),
            None => return,
        },
    };
    // What was written is not repeated where it opens something, or may: a proxy's address has a password in it.
    let hushed = matches!(option.value, ValueKind::Secret | ValueKind::Url) || option.name == "proxy_url";
    let fault = r.error(span, code, if hushed { key } else { value }, message);
    fault.help = Some(help);
    if option.value == ValueKind::Secret {
        fault.severity = Severity::Warning;
    }
}

fn is_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(|c: char| c.is_whitespace() || matches!(c, '@' | '?' | '#'))
    })
}

/// The options of a provider in an environment: the organization's, with the environment's laid over them.
pub(crate) fn merged(organization: &[Declared], environment: &[Declared], provider: Provider) -> Option<Options> {
    let layers = [organization, environment].into_iter().filter_map(|declared| of(declared, provider));
    layers.map(|declared| declared.options.clone()).reduce(|mut below, above| {
        below.extend(above);
        below
    })
}

fn of(declared: &[Declared], provider: Provider) -> Option<&Declared> {
    declared.iter().find(|known| known.provider.value == provider)
}

/// Says which regions and options of stores do not fit together, or are not all there, as an environment has them. It is told where the
/// environment declares the provider, or else where the organization does.
pub(crate) fn check(
    r: &mut Reader<'_>,
    organization: &[Declared],
    environment: &[Declared],
    has_zones: bool,
    new_regions: &NewRegions,
) {
    for provider in Provider::ALL {
        let layers = [of(environment, provider), of(organization, provider)];
        let Some(place) = layers.into_iter().flatten().next() else { continue };
        let Some(options) = merged(organization, environment, provider) else { continue };
        if let Some(span) = layers.into_iter().flatten().find_map(|declared| declared.region) {
            check_region(r, provider, span, &options, has_zones, new_regions);
        }
        if !is_store(&options) {
            continue;
        }
        for (code, message, help) in misfits(provider, &options, has_zones) {
            tell(r, place.provider.span, (code, provider.as_str()), message, help.to_owned());
        }
    }
}

/// What the organization declares is the same in every environment that says nothing else, and is told once.
fn tell<'r>(
    r: &'r mut Reader<'_>,
    span: Span,
    (code, offending): (&'static str, &str),
    message: String,
    help: String,
) -> Option<&'r mut Fault> {
    let is_told = r.faults.iter().any(|fault| (fault.line, fault.column) == (span.line, span.column) && fault.message == message);
    if is_told {
        return None;
    }
    let fault = r.error(span, code, offending, message);
    fault.help = Some(help);
    Some(fault)
}

/// Says that a provider has not the region that is declared. Where its store is told to be elsewhere, regions are that one's.
fn check_region(
    r: &mut Reader<'_>,
    provider: Provider,
    span: Span,
    options: &Options,
    has_zones: bool,
    new_regions: &NewRegions,
) {
    let Some(region) = options.get(REGION).filter(|region| !region.contains("${")) else { return };
    let is_new = new_regions.iter().any(|(of, new)| *of == provider && new.value.0 == *region);
    let is_emulated = options.get(EMULATOR).is_some_and(|text| flag_value(text) != Some(false));
    if is_new || is_emulated || options.contains_key(ENDPOINT) {
        return;
    }
    if !region::known(provider).any(|known| known == region) {
        let (message, help) = no_region(provider, region);
        tell(r, span, ("unknown-region", region), message, help);
    } else if has_zones && region::has_one_zone(provider, region) {
        let message = format!("'{region}' has no availability zones, which landing zones at {provider} keep their storage in");
        let help = format!("write a region that has some ({}), or keep it where it has some by now", region::source(provider));
        if let Some(fault) = tell(r, span, ("one-zone", region), message, help) {
            fault.severity = Severity::Warning;
        }
    }
}

/// Which region is not there, and what to write.
fn no_region(provider: Provider, region: &str) -> (String, String) {
    let near: Vec<String> =
        suggest::nearest_few(region, region::known(provider)).into_iter().map(|near| format!("'{near}'")).collect();
    let (help, and) = match near.is_empty() {
        true => (format!("write one that {} lists", region::source(provider)), ";"),
        false => (format!("did you mean {}?", near.join(" or ")), ""),
    };
    let message = format!("{provider} has no region '{region}'");
    match Provider::ALL.into_iter().find(|other| region::known(*other).any(|known| known == region)) {
        Some(other) => (format!("{message}: it is one of {other}"), help),
        // What no region can be called is no new one either.
        None if RegionName::read(region).is_err() => (message, help),
        None => (
            format!("{message} that is known here"),
            format!("{help}{and} if {provider} has it by now, name it: regions: {{{provider}: [{region}]}}"),
        ),
    }
}

type Misfit = (&'static str, String, &'static str);

fn misfits(provider: Provider, options: &Options, has_zones: bool) -> Vec<Misfit> {
    let mut found = Vec::new();
    let has = |name: &str| options.contains_key(name);
    let yes = |name: &str| options.get(name).is_some_and(|text| text.contains("${") || flag_value(text) == Some(true));
    let plain = options.get(ENDPOINT).is_some_and(|endpoint| endpoint.starts_with("http://"));
    if plain && !yes(ALLOW_HTTP) && !yes(EMULATOR) {
        let message = format!("what is sent to {provider} could be read on the way: its endpoint is http");
        found.push(("plain-http", message, "write https, or allow_http: true where that is meant, as for an emulator"));
    }
    if is_of_zones(options) && !has_zones {
        let message = format!("the buckets of {provider} are those of landing zones here, and no landing zones are declared");
        found.push(("missing-key", message, "write network: {ranges: ...}, as docs/zones.md says, or store: cloud"));
    }
    match provider {
        Provider::Azure if is_of_zones(options) && has(ACCOUNT) => {
            let message = "each domain has accounts of its own in landing zones, and one is named here".to_owned();
            found.push(("does-not-apply", message, "take account_name out, or write store: cloud"));
        }
        Provider::Azure if !is_of_zones(options) && !has(ACCOUNT) && !yes(EMULATOR) => {
            let message = "azure is a store here, and its account is missing".to_owned();
            found.push(("missing-key", message, "write account_name, or store: folder for a folder of the local disk"));
        }
        Provider::Aws if has("access_key_id") != has("secret_access_key") => {
            let message = "access_key_id and secret_access_key go together".to_owned();
            found.push(("missing-key", message, "write both, or none for the credentials of the machine"));
        }
        Provider::Gcp if has("service_account") && has("service_account_key") => {
            let message = "service_account and service_account_key are two ways to say the same".to_owned();
            found.push(("duplicate-key", message, "keep the file's path or the key itself"));
        }
        _ => {}
    }
    found
}
