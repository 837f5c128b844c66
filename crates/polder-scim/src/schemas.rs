//! The attributes that users and groups have here. What is not in this list is neither kept nor advertised: `password` above all.

use crate::schema::{Attribute, Schema, Type};

/// Attributes that every resource has; no schema lists them.
pub(crate) static COMMON: &[Attribute] = &[
    Attribute::string("id", "the resource's id, which never changes").case_exact().read_only().always_returned(),
    Attribute::string("externalId", "the id that the client knows the resource by").case_exact(),
    Attribute { multi_valued: true, ..Attribute::reference("schemas", "the schemas whose attributes it has", &["uri"]) }
        .read_only()
        .always_returned(),
    Attribute::complex("meta", "what the service provider knows of the resource", META).read_only(),
];

const META: &[Attribute] = &[
    Attribute::string("resourceType", "what it is").case_exact().read_only(),
    Attribute::of(Type::DateTime, "created", "when it was made").read_only(),
    Attribute::of(Type::DateTime, "lastModified", "when it was changed last").read_only(),
    Attribute::reference("location", "where it is", &["uri"]).read_only(),
    Attribute::string("version", "its version, for If-Match").case_exact().read_only(),
];

pub(crate) static USER: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    description: "A person or program that may sign in",
    attributes: &[
        Attribute::string("userName", "what the user signs in as; unique in any case").name_of_resource(),
        Attribute::complex("name", "the parts of the user's name", NAME),
        Attribute::string("displayName", "the name to show"),
        Attribute::string("nickName", "the name that others use"),
        Attribute::reference("profileUrl", "the user's page", &["external"]),
        Attribute::string("title", "the user's title"),
        Attribute::string("userType", "how the user relates to the organization"),
        Attribute::string("preferredLanguage", "the languages that the user prefers"),
        Attribute::string("locale", "where the user is, for the forms of numbers and dates"),
        Attribute::string("timezone", "the user's time zone"),
        Attribute::of(Type::Boolean, "active", "whether the user may do anything at all"),
        Attribute::list("emails", "e-mail addresses", EMAIL),
        Attribute::list("phoneNumbers", "phone numbers", PHONE_NUMBER),
        Attribute::list("ims", "addresses of instant messaging", PLAIN),
        Attribute::list("photos", "pictures of the user", PHOTO),
        Attribute::list("addresses", "postal addresses", ADDRESS),
        Attribute::list("groups", "the groups that the user is a member of; changed by changing the groups", GROUP_OF_USER)
            .read_only(),
        Attribute::list("entitlements", "what the user is entitled to elsewhere; grants nothing here", PLAIN),
        Attribute::list("roles", "the user's roles elsewhere; grants nothing here", PLAIN),
        Attribute::list("x509Certificates", "the user's certificates", CERTIFICATE),
    ],
};

const NAME: &[Attribute] = &[
    Attribute::string("formatted", "the whole name"),
    Attribute::string("familyName", "the last name"),
    Attribute::string("givenName", "the first name"),
    Attribute::string("middleName", "middle names"),
    Attribute::string("honorificPrefix", "what goes before the name"),
    Attribute::string("honorificSuffix", "what goes after the name"),
];

const DISPLAY: Attribute = Attribute::string("display", "how to show the value");
const TYPE: Attribute = Attribute::string("type", "what the value is for");
const PRIMARY: Attribute = Attribute::of(Type::Boolean, "primary", "whether it is the preferred one; at most one is");
const VALUE: Attribute = Attribute::string("value", "the value");

const PLAIN: &[Attribute] = &[VALUE, DISPLAY, TYPE, PRIMARY];
const EMAIL: &[Attribute] = &[VALUE, DISPLAY, TYPE.examples(&["work", "home", "other"]), PRIMARY];
const PHONE_NUMBER: &[Attribute] =
    &[VALUE, DISPLAY, TYPE.examples(&["work", "home", "mobile", "fax", "pager", "other"]), PRIMARY];
const PHOTO: &[Attribute] = &[
    Attribute::reference("value", "where the picture is", &["external"]),
    DISPLAY,
    TYPE.examples(&["photo", "thumbnail"]),
    PRIMARY,
];
const CERTIFICATE: &[Attribute] =
    &[Attribute::of(Type::Binary, "value", "the certificate, DER in Base64"), DISPLAY, TYPE, PRIMARY];
const ADDRESS: &[Attribute] = &[
    Attribute::string("formatted", "the whole address"),
    Attribute::string("streetAddress", "street and house number"),
    Attribute::string("locality", "the city"),
    Attribute::string("region", "the state or region"),
    Attribute::string("postalCode", "the postal code"),
    Attribute::string("country", "the country"),
    TYPE.examples(&["work", "home", "other"]),
    PRIMARY,
];
const GROUP_OF_USER: &[Attribute] = &[
    Attribute::string("value", "the group's id").read_only(),
    Attribute::reference("$ref", "where the group is", &["Group"]).read_only(),
    Attribute::string("display", "the group's name").read_only(),
    TYPE.examples(&["direct"]).read_only(),
];

pub(crate) static ENTERPRISE: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    name: "EnterpriseUser",
    description: "What an organization knows of its people",
    attributes: &[
        Attribute::string("employeeNumber", "the number that the organization gave"),
        Attribute::string("costCenter", "the cost centre"),
        Attribute::string("organization", "the organization"),
        Attribute::string("division", "the division"),
        Attribute::string("department", "the department"),
        Attribute::complex("manager", "the user's manager", MANAGER),
    ],
};

const MANAGER: &[Attribute] =
    &[Attribute::string("value", "the manager's id"), Attribute::reference("$ref", "where the manager is", &["User"])];

pub(crate) static GROUP: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    description: "A set of users and of groups, to which access is granted",
    attributes: &[
        Attribute::string("displayName", "the group's name; unique in any case").name_of_resource(),
        Attribute::list("members", "the users and groups in it", MEMBER),
    ],
};

const MEMBER: &[Attribute] = &[
    Attribute::string("value", "the member's id").immutable(),
    Attribute::reference("$ref", "where the member is", &["User", "Group"]).immutable(),
    Attribute::string("type", "what the member is").examples(&["User", "Group"]).immutable(),
];
