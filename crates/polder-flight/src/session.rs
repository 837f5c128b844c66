//! A session's options. A session is a cookie that says which environment is meant: nothing of it is kept here.

use std::collections::HashMap;

use polder_model::EnvironmentName;
use prost::Message as _;
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::{Extensions, Status};

use crate::door::{Door, ENVIRONMENT};
use crate::status::unreadable;

/// The cookie that a session is.
const COOKIE: &str = "polder-flight-environment";

/// The messages of Flight.proto that sessions have.
pub(crate) mod wire {
    use std::collections::HashMap;

    /// `SessionOptionValue.StringListValue`
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct StringList {
        #[prost(string, repeated, tag = "1")]
        pub(crate) values: Vec<String>,
    }

    /// `SessionOptionValue.option_value`
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(crate) enum OptionValue {
        #[prost(string, tag = "1")]
        Text(String),
        #[prost(bool, tag = "2")]
        Bool(bool),
        #[prost(sfixed64, tag = "3")]
        Integer(i64),
        #[prost(double, tag = "4")]
        Double(f64),
        #[prost(message, tag = "5")]
        List(StringList),
    }

    /// `SessionOptionValue`
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct SessionOption {
        #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
        pub(crate) value: Option<OptionValue>,
    }

    /// `SetSessionOptionsRequest`, and `GetSessionOptionsResult`, which looks the same.
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct SessionOptions {
        #[prost(map = "string, message", tag = "1")]
        pub(crate) options: HashMap<String, SessionOption>,
    }

    /// `SetSessionOptionsResult.Error`
    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(crate) struct OptionError {
        #[prost(int32, tag = "1")]
        pub(crate) value: i32,
    }

    /// `SetSessionOptionsResult`
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct SetSessionOptionsResult {
        #[prost(map = "string, message", tag = "1")]
        pub(crate) errors: HashMap<String, OptionError>,
    }

    /// `CloseSessionResult`
    #[derive(Clone, Copy, PartialEq, prost::Message)]
    pub(crate) struct CloseSessionResult {
        #[prost(int32, tag = "1")]
        pub(crate) status: i32,
    }

    /// `SetSessionOptionsResult.ErrorValue.INVALID_NAME`
    pub(crate) const INVALID_NAME: i32 = 1;
    /// `SetSessionOptionsResult.ErrorValue.INVALID_VALUE`
    pub(crate) const INVALID_VALUE: i32 = 2;
    /// `CloseSessionResult.Status.CLOSED`
    pub(crate) const CLOSED: i32 = 1;
}

/// An answer about a session: its body, and the cookie to set.
pub(crate) struct Answer {
    pub(crate) body: Vec<u8>,
    pub(crate) cookie: Option<MetadataValue<Ascii>>,
}

/// The environment that a request's session is of.
pub(crate) fn environment(metadata: &MetadataMap) -> Option<String> {
    let texts = metadata.get_all("cookie").iter().filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(';'));
    let mut values = texts.filter_map(|part| part.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    values.next().map(|value| value.trim_matches('"').to_owned()).filter(|value| !value.is_empty())
}

/// Sets options: there is one, the environment.
pub(crate) fn set(door: &dyn Door, extensions: &Extensions, body: &[u8]) -> Result<Answer, Status> {
    door.enter(extensions, None)?;
    let asked = wire::SessionOptions::decode(body).map_err(|error| unreadable("the session's options", error))?;
    let (mut errors, mut cookie) = (HashMap::new(), None);
    for (name, option) in asked.options {
        let error = match (name.as_str(), option.value) {
            // An option without a value is unset.
            (ENVIRONMENT, None) => {
                cookie = expired();
                continue;
            }
            (ENVIRONMENT, Some(wire::OptionValue::Text(text))) => match text.parse::<EnvironmentName>() {
                Ok(environment) if door.enter(extensions, Some(environment.as_str())).is_ok() => {
                    cookie = set_cookie(environment.as_str(), "");
                    continue;
                }
                _ => wire::INVALID_VALUE,
            },
            (ENVIRONMENT, Some(_)) => wire::INVALID_VALUE,
            _ => wire::INVALID_NAME,
        };
        errors.insert(name, wire::OptionError { value: error });
    }
    Ok(Answer { body: wire::SetSessionOptionsResult { errors }.encode_to_vec(), cookie })
}

/// The options that are set.
pub(crate) fn get(environment: &str) -> Answer {
    let value = wire::SessionOption { value: Some(wire::OptionValue::Text(environment.to_owned())) };
    let options = HashMap::from([(ENVIRONMENT.to_owned(), value)]);
    Answer { body: wire::SessionOptions { options }.encode_to_vec(), cookie: None }
}

/// Ends the session.
pub(crate) fn close() -> Answer {
    Answer { body: wire::CloseSessionResult { status: wire::CLOSED }.encode_to_vec(), cookie: expired() }
}

fn expired() -> Option<MetadataValue<Ascii>> {
    set_cookie("", "; Max-Age=0")
}

fn set_cookie(value: &str, attributes: &str) -> Option<MetadataValue<Ascii>> {
    format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict{attributes}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_that_is_set_says_the_environment() {
        let mut metadata = MetadataMap::new();
        assert_eq!(environment(&metadata), None);
        let set = set_cookie("live", "").unwrap();
        let pair = set.to_str().unwrap().split(';').next().unwrap();
        metadata.insert("cookie", format!("a=b; {pair}").parse().unwrap());
        assert_eq!(environment(&metadata).as_deref(), Some("live"));
        metadata.insert("cookie", format!("{COOKIE}=").parse().unwrap());
        assert_eq!(environment(&metadata), None);
    }
}
