-- Long operations that the API shows, and answers kept for idempotency keys.

-- `expires` is in milliseconds since 1970: a server that works on an operation moves it on; one that is running and past it has lost its
-- server.
create table long_operations (
    id text not null primary key,
    environment text not null,
    kind text not null,
    principal text not null,
    status text not null,
    cancel_requested bigint not null,
    expires bigint not null,
    started text not null,
    finished text,
    result text,
    problem text
);
create index long_operations_by_status on long_operations (status, expires);
create index long_operations_by_environment on long_operations (environment, id);

create table long_operation_events (
    operation text not null references long_operations (id),
    number bigint not null,
    time text not null,
    event text not null,
    primary key (operation, number)
);

-- `status` and `body` are of the answer, and absent while the first request is worked on.
create table kept_answers (
    principal text not null,
    idempotency_key text not null,
    digest text not null,
    status bigint,
    body text,
    created text not null,
    primary key (principal, idempotency_key)
);
create index kept_answers_by_time on kept_answers (created);
