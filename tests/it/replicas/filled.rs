//! Enough rows for PostgreSQL to plan as it would with many.

use tokio_postgres::Client;

/// Fills the tables that grow, and has their statistics taken.
pub async fn fill(client: &Client) {
    // Durations and texts are of no matter to a plan; how many rows belong together is.
    client
        .batch_execute(
            "
create temp table ids as
    select n, gen_random_uuid() as organization, gen_random_uuid() as person, now() - n * interval '1 minute' as at
    from generate_series(1, 5000) n;
insert into users select person, 'user-' || n || '@example.com', '', true, '', false, false, '', '{}', null, null, '',
    at, at from ids;
insert into organizations select organization, 'org_' || n, 'org-' || n, 'org-' || n, '', '', '', '', '', '', false, '',
    '', '', 'hobby', null, '{}', 'ACTIVE', 'NEW', 'INVALID', false, '[]', gen_random_uuid(), '', at, at from ids;
insert into members select gen_random_uuid(), o.organization, p.person, 'ACTIVE', p.at
    from ids o join ids p on p.n between o.n and o.n + 4;
insert into invitations select gen_random_uuid(), organization, 'user-' || (n * 7 + k) % 5000 || '@example.com',
    case when k = 1 then 'PENDING' else 'ACCEPTED' end, person, at, at from ids, generate_series(1, 4) k;
insert into credentials select gen_random_uuid(), case when k = 1 then 'USER' else 'ORGANIZATION' end, 'c', '',
    decode(md5(n || '-' || k), 'hex'), person, organization, at, at, null from ids, generate_series(1, 4) k;
insert into tokens select gen_random_uuid(), case when k = 1 then 'SESSION' else 'ACCESS' end, person, organization, null,
    at, at + interval '30 days' from ids, generate_series(1, 4) k;
insert into projects select gen_random_uuid(), organization, 'p' || k, 'p' || k, '', at, at
    from ids, generate_series(1, 3) k;
insert into events (id, organization_id, organization_seq, actor_kind, actor_id, actor_name, object_kind, object_id,
    object_name, verb, metadata, created_at)
    select gen_random_uuid(), organization, k, 'USER', person, 'a', case when k = 1 then 'organization' else 'user' end,
    gen_random_uuid(), 'o', case when k = 9 then 'deleted' else 'updated' end, '{}', at
    from ids, generate_series(1, 10) k;
insert into links select decode(md5(n::text), 'hex'), 'VALIDATE', person, organization, null, 'a@example.com', at, at,
    null from ids;
insert into mails select gen_random_uuid(), 'a@example.com', 's', '', '', case when n % 10 = 0 then 'BOUNCED' else
    'WAITING' end, 0, at, '', at from ids;
insert into jobs select gen_random_uuid(), 'DEACTIVATE', organization, at, 0, '', at from ids where n <= 2000;
insert into budgets select organization, 100, at, at from ids;
insert into notification_marks select organization, person, 0, 0 from ids;
insert into coupons select gen_random_uuid(), 'C' || n, 'c' || n, '', 10, 0, '', 0, 0, null, at from ids;
insert into redemptions select i.organization, c.id, i.at from ids i join coupons c on c.code = 'C' || i.n;
insert into quota_overrides select organization, '{}', at from ids;
insert into webhooks select gen_random_uuid(), case when n <= 4000 then organization end, 'u', '', '[]', 's', null, null,
    'INVALID', null, null, at, at from ids;
insert into webhook_deliveries select e.id, w.id, e.organization_id, e.organization_seq, 't',
    case when e.organization_seq = 10 then 'PENDING' else 'DELIVERED' end, 1, e.created_at, 200, '', 1, e.created_at,
    e.created_at from events e join webhooks w on w.organization_id = e.organization_id;
insert into webhook_lanes select webhook_id, lane_id, due_at, false from webhook_deliveries where status = 'PENDING';
insert into event_counters select organization, 10 from ids;
drop table ids;
",
        )
        .await
        .expect("rows");
    // A statement of its own: it cannot run in a transaction.
    client.batch_execute("vacuum analyze").await.expect("statistics");
}
