//! What an attribute is (RFC 7643, section 2 and 7): its type and how it may be read, written and compared.

use serde_json::{Value, json};

/// A named set of attributes.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) attributes: &'static [Attribute],
}

/// An attribute, or a sub-attribute of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) kind: Type,
    pub(crate) multi_valued: bool,
    pub(crate) required: bool,
    pub(crate) case_exact: bool,
    pub(crate) mutability: Mutability,
    pub(crate) always_returned: bool,
    pub(crate) unique: bool,
    pub(crate) examples: &'static [&'static str],
    pub(crate) references: &'static [&'static str],
    pub(crate) sub_attributes: &'static [Attribute],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    String,
    Boolean,
    DateTime,
    Binary,
    Reference,
    Complex,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutability {
    ReadOnly,
    ReadWrite,
    Immutable,
}

/// Finds by name: attribute names are the same in upper and lower case.
pub(crate) fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

impl Attribute {
    pub(crate) const fn string(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            kind: Type::String,
            multi_valued: false,
            required: false,
            case_exact: false,
            mutability: Mutability::ReadWrite,
            always_returned: false,
            unique: false,
            examples: &[],
            references: &[],
            sub_attributes: &[],
        }
    }

    pub(crate) const fn of(kind: Type, name: &'static str, description: &'static str) -> Self {
        Self { kind, case_exact: matches!(kind, Type::Reference | Type::Binary), ..Self::string(name, description) }
    }

    pub(crate) const fn complex(name: &'static str, description: &'static str, sub_attributes: &'static [Self]) -> Self {
        Self { sub_attributes, ..Self::of(Type::Complex, name, description) }
    }

    pub(crate) const fn list(name: &'static str, description: &'static str, sub_attributes: &'static [Self]) -> Self {
        Self { multi_valued: true, ..Self::complex(name, description, sub_attributes) }
    }

    pub(crate) const fn reference(name: &'static str, description: &'static str, to: &'static [&'static str]) -> Self {
        Self { references: to, ..Self::of(Type::Reference, name, description) }
    }

    pub(crate) const fn name_of_resource(self) -> Self {
        Self { required: true, unique: true, ..self }
    }

    pub(crate) const fn examples(self, examples: &'static [&'static str]) -> Self {
        Self { examples, ..self }
    }

    pub(crate) const fn case_exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    pub(crate) const fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    pub(crate) const fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    pub(crate) const fn always_returned(self) -> Self {
        Self { always_returned: true, ..self }
    }

    pub(crate) const fn is_read_only(&self) -> bool {
        matches!(self.mutability, Mutability::ReadOnly)
    }

    pub(crate) fn sub_attribute(&self, name: &str) -> Option<&'static Self> {
        find(self.sub_attributes, name)
    }

    /// The attribute as `/Schemas` describes it.
    pub(crate) fn describe(&self) -> Value {
        let mut described = json!({
            "name": self.name,
            "type": self.kind.as_str(),
            "multiValued": self.multi_valued,
            "description": self.description,
            "required": self.required,
            "caseExact": self.case_exact,
            "mutability": self.mutability.as_str(),
            "returned": if self.always_returned { "always" } else { "default" },
            "uniqueness": if self.unique { "server" } else { "none" },
        });
        if !self.examples.is_empty() {
            described["canonicalValues"] = self.examples.into();
        }
        if !self.references.is_empty() {
            described["referenceTypes"] = self.references.into();
        }
        if !self.sub_attributes.is_empty() {
            described["subAttributes"] = self.sub_attributes.iter().map(Self::describe).collect();
        }
        described
    }
}

impl Type {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

impl Mutability {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "readOnly",
            Self::ReadWrite => "readWrite",
            Self::Immutable => "immutable",
        }
    }
}
