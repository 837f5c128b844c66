//! Filters (RFC 7644, section 3.4.2.2): every operator, compiled against the attributes that there are. Grammar and its bounds
//! are `scim_v2`'s; what a filter means is here. A filter is never text in another language: nothing can be smuggled through it.

mod compare;
mod grammar;

use scim_v2::filter as parsed;
use scim_v2::filter::{AttrExp, AttrPath, CompValue, CompareOp, ValFilter};
use serde_json::{Map, Value};

use crate::error::{ScimError, ScimType, echo};
use crate::kind::ResourceKind;
use crate::path::{Place, resolve};
use crate::schema::{Attribute, Type};

/// The longest filter, in bytes.
const LENGTH_LIMIT: usize = 16 * 1024;

/// A filter over resources of one kind.
#[derive(Debug, Clone)]
pub struct Filter(Term<Place>);

/// Whether a filter may name attributes that the kind does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Only this kind is looked through: an attribute that it does not have is a mistake.
    One,
    /// Several kinds are: such an attribute has no value.
    Several,
}

/// A comparison for equality that an index can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexed {
    /// `id`.
    Id,
    /// `externalId`.
    ExternalId,
    /// `userName`, in any case.
    UserName,
    /// `displayName`, in any case.
    DisplayName,
    /// `members.value`.
    Member,
}

/// A filter's tree, over places in documents (`Place`) or fields of one value of a list (`&Attribute`).
#[derive(Debug, Clone)]
pub(crate) enum Term<P> {
    Present(P),
    Compare(P, CompareOp, CompValue),
    /// Some value of the list fits.
    Any(Place, Box<Term<&'static Attribute>>),
    Not(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    /// The attribute is one that resources of this kind never have. Holds for `ne` and for `eq null`.
    Absent(bool),
}

impl Filter {
    /// Reads a filter.
    ///
    /// # Errors
    /// `invalidFilter` for what is not one, is too long or too deep, names attributes that there are not, or compares values that
    /// cannot be compared so.
    pub fn parse(kind: ResourceKind, scope: Scope, text: &str) -> Result<Self, ScimError> {
        if text.len() > LENGTH_LIMIT {
            return Err(invalid(format!("the filter has {} bytes: {LENGTH_LIMIT} are the most", text.len())));
        }
        let tree: parsed::Filter = grammar::written_out(text)
            .parse()
            .map_err(|e: parsed::ParseError| invalid(format!("the filter cannot be read: {}", echo(&e.to_string()))))?;
        compile(kind, scope, &tree).map(Self)
    }

    /// Whether the filter lets a resource through, given all that a client would be shown of it.
    #[must_use]
    pub fn matches(&self, document: &Map<String, Value>) -> bool {
        holds(&self.0, document)
    }

    /// A comparison that all resources that come through satisfy and that an index can answer, with what is compared to.
    #[must_use]
    pub fn indexed(&self) -> Option<(Indexed, &str)> {
        match &self.0 {
            Term::And(terms) => terms.iter().filter_map(indexed).min_by_key(|(index, _)| *index as u8),
            term => indexed(term),
        }
    }

    /// Whether it asks anything of this attribute.
    #[must_use]
    pub fn mentions(&self, attribute: &str) -> bool {
        mentions(&self.0, attribute)
    }
}

/// The terms of a filter in brackets, over the fields of one value of a list.
pub(crate) fn compile_inner(list: &'static Attribute, filter: &ValFilter) -> Result<Term<&'static Attribute>, ScimError> {
    let all = |filters: &[ValFilter]| filters.iter().map(|filter| compile_inner(list, filter)).collect::<Result<Vec<_>, _>>();
    let field = |path: &AttrPath| {
        let found = list.sub_attribute(&path.name).filter(|_| path.uri.is_none() && path.sub_attr.is_none());
        found.ok_or_else(|| invalid(format!("{} has no {}", list.name, echo(&path.to_string()))))
    };
    Ok(match filter {
        ValFilter::Attr(AttrExp::Present(path)) => Term::Present(field(path)?),
        ValFilter::Attr(AttrExp::Comparison(path, operator, value)) => {
            let field = field(path)?;
            compare::check(field, operator, value)?;
            Term::Compare(field, operator.clone(), value.clone())
        }
        ValFilter::Not(inner) => Term::Not(Box::new(compile_inner(list, inner)?)),
        ValFilter::And(filters) => Term::And(all(filters)?),
        ValFilter::Or(filters) => Term::Or(all(filters)?),
    })
}

/// Whether one value of a list fits a filter in brackets.
pub(crate) fn holds_inner(term: &Term<&'static Attribute>, value: &Value) -> bool {
    match term {
        Term::Present(field) => value.get(field.name).is_some_and(is_present),
        Term::Compare(field, operator, literal) => compare::holds(field, value.get(field.name).into_iter(), operator, literal),
        // There are no brackets in brackets.
        Term::Any(..) => false,
        Term::Not(inner) => !holds_inner(inner, value),
        Term::And(terms) => terms.iter().all(|term| holds_inner(term, value)),
        Term::Or(terms) => terms.iter().any(|term| holds_inner(term, value)),
        Term::Absent(holds) => *holds,
    }
}

fn compile(kind: ResourceKind, scope: Scope, filter: &parsed::Filter) -> Result<Term<Place>, ScimError> {
    let all = |filters: &[parsed::Filter]| filters.iter().map(|f| compile(kind, scope, f)).collect::<Result<Vec<_>, _>>();
    let place = |path: &AttrPath| match resolve(kind, path) {
        None if scope == Scope::One => Err(invalid(format!("a {} has no {}", kind.as_str(), echo(&path.to_string())))),
        found => Ok(found),
    };
    Ok(match filter {
        parsed::Filter::Attr(AttrExp::Present(path)) => place(path)?.map_or(Term::Absent(false), Term::Present),
        parsed::Filter::Attr(AttrExp::Comparison(path, operator, value)) => match place(path)? {
            None => Term::Absent((*operator == CompareOp::Ne) != (*value == CompValue::Null)),
            Some(place) => {
                let place = compared(place);
                compare::check(place.innermost(), operator, value)?;
                Term::Compare(place, operator.clone(), value.clone())
            }
        },
        parsed::Filter::ValuePath(path) => match place(&path.attr)? {
            None => Term::Absent(false),
            Some(place) if !place.attribute.multi_valued || place.sub_attribute.is_some() => {
                return Err(invalid(format!("{} is no list", echo(&path.attr.to_string()))));
            }
            Some(place) => Term::Any(place, Box::new(compile_inner(place.attribute, &path.filter)?)),
        },
        parsed::Filter::Not(inner) => Term::Not(Box::new(compile(kind, scope, inner)?)),
        parsed::Filter::And(filters) => Term::And(all(filters)?),
        parsed::Filter::Or(filters) => Term::Or(all(filters)?),
    })
}

/// Where a comparison looks: a complex attribute stands for its `value`.
fn compared(place: Place) -> Place {
    let innermost = place.innermost();
    if innermost.kind == Type::Complex { Place { sub_attribute: innermost.sub_attribute("value"), ..place } } else { place }
}

fn holds(term: &Term<Place>, document: &Map<String, Value>) -> bool {
    match term {
        Term::Present(place) => place.values_in(document).any(is_present),
        Term::Compare(place, operator, literal) => {
            compare::holds(place.innermost(), place.values_in(document), operator, literal)
        }
        Term::Any(place, inner) => place.values_in(document).any(|value| holds_inner(inner, value)),
        Term::Not(inner) => !holds(inner, document),
        Term::And(terms) => terms.iter().all(|term| holds(term, document)),
        Term::Or(terms) => terms.iter().any(|term| holds(term, document)),
        Term::Absent(holds) => *holds,
    }
}

fn is_present(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

fn indexed(term: &Term<Place>) -> Option<(Indexed, &str)> {
    match term {
        Term::Compare(place, CompareOp::Eq, CompValue::Str(text)) if place.extension.is_none() => {
            let index = match (place.attribute.name, place.sub_attribute.map(|sub| sub.name)) {
                ("id", None) => Indexed::Id,
                ("externalId", None) => Indexed::ExternalId,
                ("userName", None) => Indexed::UserName,
                ("displayName", None) => Indexed::DisplayName,
                ("members", Some("value")) => Indexed::Member,
                _ => return None,
            };
            Some((index, text))
        }
        Term::Any(place, inner) if place.attribute.name == "members" => match inner.as_ref() {
            Term::Compare(field, CompareOp::Eq, CompValue::Str(text)) if field.name == "value" => Some((Indexed::Member, text)),
            _ => None,
        },
        _ => None,
    }
}

fn mentions(term: &Term<Place>, attribute: &str) -> bool {
    match term {
        Term::Present(place) | Term::Compare(place, ..) | Term::Any(place, _) => place.attribute.name == attribute,
        Term::Not(inner) => mentions(inner, attribute),
        Term::And(terms) | Term::Or(terms) => terms.iter().any(|term| mentions(term, attribute)),
        Term::Absent(_) => false,
    }
}

pub(crate) fn invalid(detail: String) -> ScimError {
    ScimError::new(ScimType::InvalidFilter, detail)
}
