//! What happened: activities and notifications.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::EventId;
use crate::page::{Limit, Offset};
use crate::scalar::{Flag, Timestamp};

/// A page of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PageQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
}

/// A page of a list that can be read by cursor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CursorPageQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Where the page begins: the `next_cursor` of the page before, instead of an offset.
    pub cursor: String,
}

/// Who did something, or what it was done to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ActivityObject {
    /// The id of the thing, or of the person.
    pub id: String,
    /// The name at the time.
    pub name: String,
    /// The kind of thing, such as `organization`, `credential` or `user`.
    #[serde(rename = "type")]
    pub kind: String,
    /// More about it; what there is depends on the kind.
    pub metadata: Map<String, Value>,
    /// Whether it has been deleted since.
    pub deleted: bool,
}

/// Something that happened in an organization or to a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    /// The activity.
    pub id: EventId,
    /// Who did it.
    #[serde(default)]
    pub actor: ActivityObject,
    /// What it was done to.
    #[serde(default)]
    pub object: ActivityObject,
    /// What was done, such as `created`, `updated` or `deleted`.
    #[serde(default)]
    pub verb: String,
    /// More about it; what there is depends on the verb.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// When it happened.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

/// Activities, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ActivityList {
    /// This page of them.
    pub activities: Vec<Activity>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// Whether there are more after this page.
    pub has_next: bool,
    /// The `cursor` of the next page; empty when there is none.
    pub next_cursor: String,
}

/// Which activities to list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListActivitiesQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Where the page begins: the `next_cursor` of the page before, instead of an offset.
    pub cursor: String,
    /// Only activities on objects of these kinds; empty means all.
    #[serde(deserialize_with = "crate::page::one_or_many")]
    pub types: Vec<String>,
}

/// Which notifications to list, and what to mark on the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ListNotificationsQuery {
    /// How many items to return, 100 at most; 0 means 20.
    pub limit: Limit,
    /// How many items to skip.
    pub offset: Offset,
    /// Where the page begins: the `next_cursor` of the page before, instead of an offset.
    pub cursor: String,
    /// Mark all notifications as read.
    pub mark_read: Flag,
    /// Mark all notifications as seen.
    pub mark_seen: Flag,
    /// Only notifications that have not been read.
    pub unread: Flag,
    /// Only notifications that have not been seen.
    pub unseen: Flag,
}

/// An activity brought to the attention of a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notification {
    /// The notification; it has the id of its activity.
    pub id: EventId,
    /// What happened.
    pub activity: Activity,
    /// Whether the person has opened it.
    #[serde(default)]
    pub is_read: bool,
    /// Whether it has been shown to the person.
    #[serde(default)]
    pub is_seen: bool,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

/// Notifications, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NotificationList {
    /// This page of them.
    pub notifications: Vec<Notification>,
    /// The limit that applied.
    pub limit: u32,
    /// The offset that applied.
    pub offset: u32,
    /// How many there are before paging.
    pub count: u32,
    /// Whether every notification has been read.
    pub is_read: bool,
    /// Whether every notification has been seen.
    pub is_seen: bool,
    /// How many have not been read.
    pub unread: u32,
    /// How many have not been seen.
    pub unseen: u32,
    /// The `cursor` of the next page; empty when there is none.
    pub next_cursor: String,
}
