-- The control plane's tables. Portable: text, bigint and BYTES (each database's own word for bytes) are all the types there are.
-- Times are RFC 3339 in UTC with microseconds, so that they sort as text; `expires` is in milliseconds since 1970.

create table environments (
    environment text not null primary key,
    serial bigint not null,
    metastore_version bigint not null
);

create table recorded (
    environment text not null,
    address text not null,
    resource text not null,
    primary key (environment, address)
);

create table entries (
    environment text not null,
    address text not null,
    kind text not null,
    resource text not null,
    primary key (environment, address)
);

create table table_ids (
    environment text not null,
    table_name text not null,
    table_id text not null,
    primary key (environment, table_name)
);

create table leases (
    name text not null primary key,
    token bigint not null,
    holder text,
    since text,
    expires bigint not null
);

create table operations (
    id text not null primary key,
    environment text not null,
    kind text not null,
    plan BYTES not null,
    parent_serial bigint not null,
    status text not null,
    holder text not null,
    started text not null,
    finished text,
    detail text
);
create index operations_by_status on operations (environment, status);

create table operation_steps (
    operation text not null references operations (id),
    number bigint not null,
    started text not null,
    finished text,
    detail text,
    primary key (operation, number)
);

create table runs (
    id text not null primary key,
    environment text not null,
    job text not null,
    status text not null,
    started text not null,
    record text not null
);
create index runs_by_job on runs (environment, job, started);
create index runs_by_time on runs (environment, started);

create table batches (
    environment text not null,
    job text not null,
    number bigint not null,
    status text not null,
    planned text not null,
    finished text,
    primary key (environment, job, number)
);

create table batch_files (
    environment text not null,
    job text not null,
    number bigint not null,
    path text not null,
    fingerprint text not null,
    size_bytes bigint not null,
    modified text,
    primary key (environment, job, number, path, fingerprint)
);

create table audit (
    sequence bigint not null primary key,
    environment text not null,
    time text not null,
    principal text not null,
    acting_as text not null,
    action text not null,
    securable text not null,
    allowed bigint not null,
    determined_by text not null,
    detail text not null,
    request_id text not null
);
create index audit_by_time on audit (environment, time);
