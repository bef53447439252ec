-- events_organization_kind begins with the same columns and serves all that this one did. That a number is drawn
-- once needs no rule: the row of the counter is locked by who draws it until the event is committed.
drop index events_organization;
