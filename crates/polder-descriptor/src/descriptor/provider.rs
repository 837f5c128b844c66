//! Providers as the organization and its environments declare them: the options of their stores, by the one name that each has, and
//! whether they fit together.

use std::collections::BTreeMap;

use polder_model::Provider;
use polder_model::store_option::{
    ACCOUNT, ALLOW_HTTP, EMULATOR, ENDPOINT, STORE, STORES, StoreOption, ValueKind, find, flag_value, is_of_zones, is_store,
    options,
};

use crate::fault::Severity;
use crate::reader::{Fields, Reader, Spanned, Written as _};
use crate::suggest;
use crate::yaml::{Entry, Node};

/// Options of a store by name, as declared.
pub(crate) type Options = BTreeMap<String, String>;

/// A provider with its options.
pub(crate) type Declared = (Spanned<Provider>, Options);

/// How many options are named to whoever wrote one that there is not.
const NAMED: usize = 8;

/// Reads the providers of the organization or of one environment.
pub(crate) fn providers(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Vec<Declared> {
    let mut providers = Vec::new();
    for entry in fields.entries(r, "providers") {
        match Provider::read(&entry.key) {
            Ok(provider) => {
                let place = Spanned { value: provider, span: entry.span };
                providers.push((place, read_options(r, provider, &entry.value)));
            }
            Err(problem) => r.problem(entry.span, &entry.key, problem),
        }
    }
    providers
}

fn read_options(r: &mut Reader<'_>, provider: Provider, node: &Node) -> Options {
    let mut found = Options::new();
    if node.is_null() {
        return found;
    }
    for entry in r.entries(node, "settings") {
        let Some(text) = r.text(&entry.value, format_args!("'{}'", entry.key)) else { continue };
        let Some(option) = find(provider, &entry.key) else {
            unknown(r, provider, entry);
            continue;
        };
        check_value(r, option, entry, &text.value);
        if found.insert(option.name.to_owned(), text.value).is_some() {
            let message = format!("'{}' is there already: it is another name of '{}'", entry.key, option.name);
            r.error(entry.span, "duplicate-key", &entry.key, message).help = Some("leave one of the two out".to_owned());
        }
    }
    found
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
            let help = "write ${secret:NAME}, and set NAME in the environment of polder";
            ("secret-in-text", format!("'{key}' is a secret, and a file is no place for one"), help)
        }
        ValueKind::Flag if flag_value(value).is_none() => {
            ("wrong-type", format!("'{key}' is true or false"), "write true or false")
        }
        ValueKind::Url if !is_address(value) => {
            let message = format!("'{key}' is the address of a server, without a user, a password or a query");
            ("wrong-type", message, "write it as https://name:port")
        }
        ValueKind::Text if option.name == STORE && !STORES.contains(&value) => {
            ("unknown-value", format!("'{key}' is never {value:?}"), "write cloud, zones or folder")
        }
        _ => return,
    };
    // What was written is not repeated where it opens something, or may.
    let offending = if matches!(option.value, ValueKind::Secret | ValueKind::Url) { key } else { value };
    let fault = r.error(span, code, offending, message);
    fault.help = Some(help.to_owned());
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
    layers.map(|(_, options)| options.clone()).reduce(|mut below, above| {
        below.extend(above);
        below
    })
}

fn of(declared: &[Declared], provider: Provider) -> Option<&Declared> {
    declared.iter().find(|(known, _)| known.value == provider)
}

/// Says which options of stores do not fit together, or are not all there, as an environment has them. It is told where the
/// environment declares the provider, or else where the organization does.
pub(crate) fn check(r: &mut Reader<'_>, organization: &[Declared], environment: &[Declared], has_zones: bool) {
    for provider in Provider::ALL {
        let Some((place, _)) = of(environment, provider).or_else(|| of(organization, provider)) else { continue };
        let Some(options) = merged(organization, environment, provider).filter(is_store) else { continue };
        for (code, message, help) in misfits(provider, &options, has_zones) {
            // What the organization declares is the same in every environment that says nothing else.
            let is_told =
                r.faults.iter().any(|f| (f.line, f.column) == (place.span.line, place.span.column) && f.message == message);
            if !is_told {
                r.error(place.span, code, provider.as_str(), message).help = Some(help.to_owned());
            }
        }
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
