-- What catalog clients make and commit to.

-- Objects that clients made: entries of the metastore that no file declares. `properties` is a JSON object, `detail` JSON of what
-- only the catalog's protocol knows. `revision` grows with every change that a client makes.
create table made_objects (
    environment text not null,
    address text not null,
    id text not null unique,
    external bigint not null,
    properties text not null,
    detail text not null,
    revision bigint not null,
    created_by text not null,
    created text not null,
    updated_by text not null,
    updated text not null,
    primary key (environment, address)
);

-- Folders of tables that clients began to make, and of those that they dropped. A row goes when its table is made, or when its files
-- are gone: those of a row that is `abandoned` may be deleted, for no table can come of it any more.
create table staging_tables (
    id text not null primary key,
    environment text not null,
    table_name text not null,
    location text not null,
    created_by text not null,
    created text not null,
    abandoned bigint not null
);
create index staging_tables_by_age on staging_tables (environment, created);

-- Tables whose commits the catalog decides: the newest version, and the newest that is in the log under its number.
create table managed_tables (
    id text not null primary key,
    environment text not null,
    latest bigint not null,
    published bigint not null
);

create table commits (
    table_id text not null,
    version bigint not null,
    file_name text not null,
    file_size bigint not null,
    file_modified bigint not null,
    made bigint not null,
    primary key (table_id, version)
);

-- When catalogs, schemas, tables, views and volumes were made and last changed, by an apply or by a client.
create table object_times (
    environment text not null,
    address text not null,
    created text not null,
    updated text not null,
    primary key (environment, address)
);

-- Clients that ask for credentials or commit name a table by its id.
create index table_ids_by_id on table_ids (environment, table_id);
