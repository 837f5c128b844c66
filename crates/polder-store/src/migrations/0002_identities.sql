-- Users and groups that an identity provider keeps by SCIM, and the admin roles.

-- One row. Its version moves with every change of users, groups, members, roles and time-limited grants, so that whoever keeps a
-- copy of who may do what knows when it is old.
create table directory (
    one bigint not null primary key,
    version bigint not null
);
insert into directory (one, version) values (1, 0);

-- `name` is the principal's name; `user_name` is what the identity provider calls the user, kept as it was written. The keys are
-- the same in lower case, for comparisons. `document` is the resource as the client wrote it, in JSON.
create table users (
    id text not null primary key,
    name text not null unique,
    user_name text not null,
    user_name_key text not null,
    display_name text,
    display_name_key text,
    external_id text,
    active bigint not null,
    document text not null,
    version bigint not null,
    created text not null,
    modified text not null
);
create index users_by_user_name on users (user_name_key);
create index users_by_display_name on users (display_name_key);
create index users_by_external_id on users (external_id);
create index users_by_making on users (created, id);

create table groups_of_users (
    id text not null primary key,
    name text not null unique,
    display_name text not null,
    display_name_key text not null,
    external_id text,
    document text not null,
    version bigint not null,
    created text not null,
    modified text not null
);

create index groups_by_display_name on groups_of_users (display_name_key);
create index groups_by_external_id on groups_of_users (external_id);
create index groups_by_making on groups_of_users (created, id);

-- A member is a user or a group of this table.
create table group_members (
    group_id text not null references groups_of_users (id),
    member_id text not null,
    primary key (group_id, member_id)
);
create index group_members_by_member on group_members (member_id);

create table roles (
    principal text not null,
    role text not null,
    granted_by text not null,
    granted text not null,
    primary key (principal, role)
);
