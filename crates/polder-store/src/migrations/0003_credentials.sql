-- What people and programs prove themselves with. Of every secret only its SHA-256 is here.

-- A token of ours. `kind` is personal, service or bootstrap; `scopes` a JSON list of words; `parent` the token that it was made
-- with, if it was made with one.
create table tokens (
    id text not null primary key,
    kind text not null,
    principal text not null,
    label text not null,
    secret_hash text not null,
    scopes text not null,
    created text not null,
    created_by text not null,
    parent text,
    expires text,
    revoked text,
    revoked_by text,
    used text
);
create index tokens_by_principal on tokens (principal, id);
create index tokens_by_parent on tokens (parent);

-- A browser that somebody signed on with.
create table sessions (
    secret_hash text not null primary key,
    principal text not null,
    authenticated_by text not null,
    created text not null,
    expires text not null,
    seen text not null
);
create index sessions_by_principal on sessions (principal);
create index sessions_by_expires on sessions (expires);

-- A sign-on under way: from leaving for the issuer to coming back, once.
create table sign_ons (
    state_hash text not null primary key,
    browser_hash text not null,
    return_to text not null,
    expires text not null
);
create index sign_ons_by_expires on sign_ons (expires);
