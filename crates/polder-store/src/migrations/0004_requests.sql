-- Access requests, the time-limited grants they become, and what is to be told to others.

-- A grant that ends by itself. `privileges` is a JSON list, `securable` JSON; `revoked` is set when it was ended before its time.
create table timed_grants (
    id text not null primary key,
    environment text not null,
    request text,
    securable text not null,
    principal text not null,
    privileges text not null,
    granted text not null,
    expires text,
    revoked text
);
create index timed_grants_by_environment on timed_grants (environment, expires);
