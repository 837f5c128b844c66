
create function refuse_to_change_the_audit() returns trigger language plpgsql as $$
begin
    raise exception 'the audit is append-only';
end
$$;

create trigger audit_is_append_only before update or delete or truncate on audit
for each statement execute function refuse_to_change_the_audit();
