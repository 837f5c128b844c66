//! SCIM 2.0 as data: schemas, filters, patches and the forms of answers. No I/O; who keeps the resources is a trait's business.
