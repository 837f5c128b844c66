-- What a CRM keeps, and who may read what is declared of it.
create table customers (
    id bigint primary key,
    full_name text not null,
    email varchar(80),
    country char(2) not null,
    credit numeric(12, 2),
    since timestamptz not null,
    password_hash text
);
insert into customers values
    (1, 'Ada Lovelace', 'ada.lovelace@example.com', 'NL', 10.50, '2026-01-01T10:00:00Z', 'not for anyone'),
    (2, 'Grace Hopper', null, 'US', null, '2026-01-02T10:00:00Z', 'not for anyone'),
    (3, 'Edsger Dijkstra', 'edsger.dijkstra@example.com', 'NL', 1.25, '2026-01-03T10:00:00Z', 'not for anyone'),
    (4, 'Barbara Liskov', 'barbara.liskov@example.com', 'US', 99999999.99, '2026-01-04T10:00:00Z', 'not for anyone');
create schema web;
create table web."Page Visits" (customer integer not null, day date not null);
insert into web."Page Visits" values (1, '2026-03-01'), (1, '2026-03-02'), (2, '2026-03-01');
-- Its column city was renamed after it was declared.
create table moved (id bigint not null, town text not null);
create role polder_reader login password :'password';
grant usage on schema web to polder_reader;
grant select on customers, web."Page Visits", moved to polder_reader;
