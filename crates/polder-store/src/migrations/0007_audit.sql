-- The audit, chained: each record has the hash of itself and of the record before it. What was audited before there was a chain
-- stays where it was, under another name.

alter table audit rename to audit_before_chain;
drop index audit_by_time;

-- `environment` is null for what concerns the whole tenant.
create table audit (
    sequence bigint not null primary key,
    environment text,
    time text not null,
    principal text not null,
    authenticated_by text not null,
    source text not null,
    action text not null,
    securable text not null,
    allowed bigint not null,
    determined_by text not null,
    detail text not null,
    request_id text not null,
    hash text not null
);
create index audit_by_time on audit (time);
create index audit_by_principal on audit (principal, sequence);
create index audit_by_securable on audit (securable, sequence);
create index audit_by_request on audit (request_id);

-- One row: the last record, signed with a key of the tenant, so that records which are cut off are missed.
create table audit_head (
    one bigint not null primary key,
    sequence bigint not null,
    hash text not null,
    signature text not null
);
insert into audit_head (one, sequence, hash, signature)
values (1, 0, '0000000000000000000000000000000000000000000000000000000000000000', '');
