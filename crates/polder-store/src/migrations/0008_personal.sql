-- Personal copies, one row for each principal that has some in an environment.

-- `principal` is absent once it was removed: whoever is called so later does not come into its copies. `detail` is what they are, as
-- whoever makes them keeps it.
create table personal_copies (
    environment text not null,
    prefix text not null,
    principal text,
    used text not null,
    detail text not null,
    primary key (environment, prefix),
    unique (environment, principal)
);
