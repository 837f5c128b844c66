
create trigger audit_is_never_changed before update on audit
begin select raise(abort, 'the audit is append-only'); end;

create trigger audit_is_never_deleted before delete on audit
begin select raise(abort, 'the audit is append-only'); end;

-- "insert or replace" deletes without asking the trigger above.
create trigger audit_grows_without_gaps before insert on audit
when new.sequence <> (select coalesce(max(sequence), 0) + 1 from audit)
begin select raise(abort, 'the audit is append-only'); end;
