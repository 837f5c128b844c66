-- Access requests, the time-limited grants they become, and what is to be told to others.

-- `document` is the request as it stands, in JSON; the other columns are what it is found by. `due` is the next moment at which
-- time changes something about it. `version` counts its changes.
-- `bereft` is when whoever asked, or whom it is for, was removed.
create table access_requests (
    id text not null primary key,
    environment text not null,
    securable text not null,
    requester text not null,
    beneficiary text not null,
    level text not null,
    state text not null,
    asked text not null,
    due text,
    version bigint not null,
    document text not null,
    bereft text
);
create index access_requests_by_state on access_requests (environment, state, id);
create index access_requests_by_requester on access_requests (environment, requester, id);
create index access_requests_by_securable on access_requests (environment, securable, id);
create index access_requests_by_due on access_requests (environment, due);
-- One asks once, until it is decided.
create unique index access_requests_open on access_requests (environment, securable, requester, beneficiary, level)
    where state = 'requested';

-- What happened to each request. Nobody (`principal` is null) did what time did.
create table access_request_events (
    request text not null references access_requests (id),
    number bigint not null,
    time text not null,
    principal text,
    event text not null,
    state text not null,
    comment text not null,
    primary key (request, number)
);

-- A grant that ends by itself. `privileges` is a JSON list, `securable` JSON; `revoked` is when it was ended: before its time, or
-- when it was seen to be over.
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
create index timed_grants_by_request on timed_grants (request);

-- What is to be told to others, one row for each event and target; `number` is the event's in its request. `claim` is a new random
-- text each time somebody takes a row to send it, so that whoever took too long cannot say what became of it.
create table deliveries (
    id text not null primary key,
    environment text not null,
    request text not null,
    number bigint not null,
    target text not null,
    notice text not null,
    created text not null,
    state text not null,
    attempts bigint not null,
    due text not null,
    claim text,
    finished text,
    error text
);
create unique index deliveries_in_order on deliveries (request, target, number);
create index deliveries_by_due on deliveries (environment, state, due);

-- What a ticket system calls the ticket of a request.
create table tickets (
    request text not null,
    target text not null,
    ticket text not null,
    primary key (request, target)
);
