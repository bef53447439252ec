//! Activities and notifications: the event log as people see it.

use futures_util::future::{try_join, try_join3};
use polity_api::ids::{EventId, OrganizationId};
use polity_api::page::{Limit, Offset};
use polity_api::table::{GetAccountActivities, ListActivities, ListNotifications};
use polity_api::types::activity::{
    Activity, ActivityList, ActivityObject, ListNotificationsQuery, Notification, NotificationList,
};
use polity_store::events::{self, ActorKind, EventRow};
use polity_store::notification_marks::{self, NotificationMarkRow};
use polity_store::{Filter, Page, Start};
use serde_json::Map;
use uuid::Uuid;

use crate::authz;
use crate::ctx::{Ctx, Request, Work};
use crate::cursor::{self, Kind};
use crate::error::Result;
use crate::field::{count, next_cursor};

/// `ListActivities`: of the current organization, newest first.
///
/// # Errors
/// As [`authz::Caller::current_organization`].
pub async fn list(ctx: Ctx, req: Request<ListActivities>) -> Result<ActivityList> {
    ctx.read("list_activities", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let organization = caller.reach_current(w).await?;
            let start = cursor::start(Kind::Organization, &query.cursor, query.offset)?;
            of_organization(w, organization, &query.types, start, (query.limit, query.offset)).await
        })
    })
    .await
}

/// `GetAccountActivities`: what the person did, newest first.
///
/// # Errors
/// As [`authz::caller`].
pub async fn list_account(ctx: Ctx, req: Request<GetAccountActivities>) -> Result<ActivityList> {
    ctx.read("list_account_activities", (req.call, req.query), |w, (call, query)| {
        Box::pin(async move {
            let caller = authz::caller(w, call).await?;
            let user = caller.user()?.id;
            let start = match cursor::start(Kind::Person, &query.cursor, query.offset)? {
                Start::After((_, id)) => {
                    let place = events::place_of_actor(w.tx, user, EventId(id)).await?;
                    Start::After(place.ok_or_else(cursor::refused)?)
                }
                start => start.map(|(seq, _)| seq),
            };
            let rows = events::of_actor(w.tx, user, start, query.limit.0.into()).await?;
            Ok(page(rows, query.limit, query.offset, |row| cursor::write(Kind::Person, 0, row.id.0)))
        })
    })
    .await
}

/// A page of what happened in an organization.
pub(crate) async fn of_organization(
    w: Work<'_>,
    organization: OrganizationId,
    types: &[String],
    start: Start<(i64, Uuid)>,
    (limit, offset): (Limit, Offset),
) -> Result<ActivityList> {
    let kinds = Filter::of(types.iter().map(String::as_str));
    let start = start.map(|(seq, _)| seq);
    let rows = events::of_organization(w.tx, organization, 0, &kinds, start, limit.0.into()).await?;
    Ok(page(rows, limit, offset, organization_cursor))
}

/// A page of what happened anywhere.
pub(crate) async fn of_anybody(
    w: Work<'_>,
    types: &[String],
    start: Start<(i64, Uuid)>,
    (limit, offset): (Limit, Offset),
) -> Result<ActivityList> {
    let kinds = Filter::of(types.iter().map(String::as_str));
    let rows = events::all(w.tx, &kinds, start.map(|(seq, _)| seq), limit.0.into()).await?;
    Ok(page(rows, limit, offset, |row| cursor::write(Kind::Everything, row.seq, Uuid::nil())))
}

fn organization_cursor(row: &EventRow) -> String {
    cursor::write(Kind::Organization, row.organization_seq, Uuid::nil())
}

fn page(page: Page<EventRow>, limit: Limit, offset: Offset, cursor: fn(&EventRow) -> String) -> ActivityList {
    let next_cursor = next_cursor(&page, cursor);
    let activities = page.0.into_iter().map(to_wire).collect();
    ActivityList { activities, limit: limit.0, offset: offset.0, has_next: !next_cursor.is_empty(), next_cursor }
}

/// `ListNotifications`: what happened in the current organization, with what
/// the person has read and seen. Marking happens after the reply is made up.
///
/// # Errors
/// As [`authz::Caller::current_organization`].
pub async fn list_notifications(ctx: Ctx, req: Request<ListNotifications>) -> Result<NotificationList> {
    let marks = req.query.mark_read.0 || req.query.mark_seen.0;
    let args = (req.call, req.query);
    // Marking writes: only then does a GET take the writer.
    if marks {
        ctx.write("mark_notifications", args, |w, (call, query)| {
            Box::pin(async move { notifications(w, call, query).await })
        })
        .await
    } else {
        ctx.read("list_notifications", args, |w, (call, query)| {
            Box::pin(async move { notifications(w, call, query).await })
        })
        .await
    }
}

async fn notifications(w: Work<'_>, call: &crate::Call, query: &ListNotificationsQuery) -> Result<NotificationList> {
    let caller = authz::caller(w, call).await?;
    let (user, organization) = (caller.user()?.id, caller.reach_current(w).await?);
    let start = cursor::start(Kind::Organization, &query.cursor, query.offset)?.map(|(seq, _)| seq);
    let kinds = Filter::default();
    let rows = |from| events::of_organization(w.tx, organization, from, &kinds, start, query.limit.0.into());
    let marks = notification_marks::get(w.tx, organization, user);
    let last = events::last_seq(w.tx, organization);
    let (from, marks, last, page) = if query.unread.0 || query.unseen.0 {
        let (marks, last) = try_join(marks, last).await?;
        let from = match (query.unread.0, query.unseen.0) {
            (true, true) => marks.read_seq.max(marks.seen_seq),
            (true, false) => marks.read_seq,
            (false, _) => marks.seen_seq,
        };
        (from, marks, last, rows(from).await?)
    } else {
        let (marks, last, rows) = try_join3(marks, last, rows(0)).await?;
        (0, marks, last, rows)
    };
    let next_cursor = next_cursor(&page, organization_cursor);
    // The log of an organization has no gaps.
    let after = |seq: i64| (last - seq).max(0);
    let (total, unread, unseen) = (after(from), after(marks.read_seq), after(marks.seen_seq));
    if query.mark_read.0 || query.mark_seen.0 {
        let mark = |wanted: bool, seq: i64| if wanted { last } else { seq };
        // What was read was seen.
        let seen_seq = mark(query.mark_seen.0 || query.mark_read.0, marks.seen_seq);
        let read_seq = mark(query.mark_read.0, marks.read_seq);
        notification_marks::set(w.tx, &NotificationMarkRow { read_seq, seen_seq, ..marks.clone() }).await?;
    }
    Ok(NotificationList {
        notifications: page.0.into_iter().map(|row| to_notification(row, &marks)).collect(),
        limit: query.limit.0,
        offset: query.offset.0,
        count: count(total),
        is_read: unread == 0,
        is_seen: unseen == 0,
        unread: count(unread),
        unseen: count(unseen),
        next_cursor,
    })
}

fn to_notification(row: EventRow, marks: &NotificationMarkRow) -> Notification {
    Notification {
        id: row.id,
        is_read: row.organization_seq <= marks.read_seq,
        is_seen: row.organization_seq <= marks.seen_seq,
        created_at: Some(row.created_at),
        activity: to_wire(row),
    }
}

fn to_wire(row: EventRow) -> Activity {
    let is_person = row.actor_kind == ActorKind::User;
    let text = |name: &str, text: String| Map::from_iter([(name.to_owned(), text.into())]);
    // Clients take an empty address for that of a picture, and draw one where there is none.
    let metadata = row.actor_avatar_url.filter(|url| !url.is_empty()).map(|url| text("avatar_url", url));
    let (verb, object_metadata) = match row.object_kind.as_str() {
        // Where the address is looked for: it is the name of an invitation.
        "organization_invitation" => (row.verb, text("email", row.object_name.clone())),
        // What clients call the removal of a member; events have the verb that all removals have.
        "organization_member" if row.verb == "deleted" => ("revoked".to_owned(), Map::new()),
        _ => (row.verb, Map::new()),
    };
    Activity {
        id: row.id,
        actor: ActivityObject {
            id: row.actor_id.map(|id| id.to_string()).unwrap_or_default(),
            name: row.actor_name,
            kind: if is_person { "user" } else { "system_user" }.to_owned(),
            metadata: metadata.unwrap_or_default(),
            deleted: is_person && !row.actor_exists,
        },
        object: ActivityObject {
            id: row.object_id.to_string(),
            name: row.object_name,
            kind: row.object_kind,
            metadata: object_metadata,
            deleted: row.object_deleted,
        },
        verb,
        metadata: row.metadata,
        created_at: Some(row.created_at),
    }
}
