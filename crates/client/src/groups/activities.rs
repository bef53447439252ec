//! What happened: activities and notifications.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// What happened: activities and notifications.
    Activities, "activities";

    /// List what happened in the current organization.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.cursor`: where the page begins: the `next_cursor` of the page before, instead of an offset.
    /// - `query.types`: only activities on objects of these kinds; empty means all.
    @example(
        "(&ListActivitiesQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.activities);"#
    )
    member fn list_activities(query: &ListActivitiesQuery) -> ListActivities {
        query: query,
    }
    all fn all_activities;

    /// List notifications of the person in the current organization.
    ///
    /// - `query.limit`: how many items to return, 100 at most; 0 means 20.
    /// - `query.offset`: how many items to skip.
    /// - `query.cursor`: where the page begins: the `next_cursor` of the page before, instead of an offset.
    /// - `query.mark_read`: mark all notifications as read.
    /// - `query.mark_seen`: mark all notifications as seen.
    /// - `query.unread`: only notifications that have not been read.
    /// - `query.unseen`: only notifications that have not been seen.
    @example(
        "(&ListNotificationsQuery { limit: Limit(100), ..Default::default() })",
        r#"println!("{:?}", reply.notifications);"#
    )
    user fn list_notifications(query: &ListNotificationsQuery) -> ListNotifications {
        query: query,
    }
    all fn all_notifications;
}
