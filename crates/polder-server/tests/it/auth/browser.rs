//! A browser: keeps cookies by host and port, follows redirects when told, fills in the issuer's forms.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode};
use url::Url;

pub(crate) struct Browser {
    client: Client,
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

/// A page, or a redirect to one.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    /// Where it leads.
    pub(crate) fn location(&self) -> Option<Url> {
        self.url.join(self.headers.get(LOCATION)?.to_str().ok()?).ok()
    }

    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
    }
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self { client: Client::builder().redirect(Policy::none()).build().unwrap(), cookies: BTreeMap::new() }
    }

    pub(crate) async fn get(&mut self, url: &str) -> Page {
        self.send(Method::GET, url, &[], None).await
    }

    pub(crate) async fn send(&mut self, method: Method, url: &str, headers: &[(&str, &str)], form: Option<&str>) -> Page {
        let url = Url::parse(url).unwrap();
        let jar = self.cookies.entry(url.authority().to_owned()).or_default();
        let cookies: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.client.request(method, url.clone());
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(form) = form {
            request = request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned());
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        for set in headers.get_all(SET_COOKIE) {
            let (pair, rest) = set.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() || rest.contains("Max-Age=0") || rest.contains("1970") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        Page { url, status, headers, text: answer.text().await.unwrap() }
    }

    pub(crate) fn cookie(&self, url: &str, name: &str) -> Option<String> {
        self.cookies.get(Url::parse(url).unwrap().authority())?.get(name).cloned()
    }

    pub(crate) fn set_cookie(&mut self, url: &str, name: &str, value: &str) {
        let jar = self.cookies.entry(Url::parse(url).unwrap().authority().to_owned()).or_default();
        jar.insert(name.to_owned(), value.to_owned());
    }

    /// Signs in at the issuer and consents; returns the address on `home` that the issuer sends the browser back to, without going.
    pub(crate) async fn sign_in(&mut self, start: &str, who: &str, home: &str) -> Url {
        let mut page = self.get(start).await;
        for _ in 0..12 {
            if let Some(next) = page.location() {
                if next.as_str().starts_with(home) {
                    return next;
                }
                page = self.get(next.as_str()).await;
                continue;
            }
            let Some((action, form)) = form(&page, who) else { panic!("no form on {}: {}", page.url, page.text) };
            page = self.send(Method::POST, action.as_str(), &[], Some(&form)).await;
        }
        panic!("the issuer sends the browser around in circles");
    }
}

/// Fills in the form of a page: its hidden fields, and who signs in.
pub(crate) fn form(page: &Page, who: &str) -> Option<(Url, String)> {
    let attribute = |tag: &str, name: &str| {
        let from = tag.find(&format!("{name}=\""))? + name.len() + 2;
        Some(tag[from..].split('"').next()?.to_owned())
    };
    let form = page.text.split("<form").nth(1)?.split("</form>").next()?;
    let action = attribute(form, "action").and_then(|action| page.url.join(&action).ok()).unwrap_or_else(|| page.url.clone());
    let mut fields = url::form_urlencoded::Serializer::new(String::new());
    for input in form.split("<input").skip(1).filter_map(|input| input.split('>').next()) {
        let Some(name) = attribute(input, "name") else { continue };
        let value = match name.as_str() {
            "login" => who.to_owned(),
            "password" => "anything".to_owned(),
            _ => attribute(input, "value").unwrap_or_default(),
        };
        fields.append_pair(&name, &value);
    }
    Some((action, fields.finish()))
}
