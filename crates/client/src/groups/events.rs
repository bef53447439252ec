//! Events: the log of an organization, to follow.

use crate::methods::methods;
use crate::types::*;

methods! {
    /// Events: the log of an organization, to follow.
    Events, "events";

    /// List the events of the current organization, the oldest first. Ask again with the `next_cursor` of the reply
    /// as `after`, and no event is missed and none comes twice.
    ///
    /// - `query.after`: where to go on; empty for the beginning of the log, `latest` for its end.
    /// - `query.limit`: how many events to return, 100 at most; 0 means 20.
    /// - `query.wait`: how long to wait for an event where there is none, up to a minute; the client has to be as patient.
    /// - `query.types`: only events of these types, such as `organization.updated`, or `organization.*`.
    @example(
        r#"(&ListEventsQuery { after: "latest".into(), wait: Some(Duration::from_secs(20)), ..Default::default() })"#,
        r#"println!("{:?}, then {}", reply.events, reply.next_cursor);"#
    )
    member fn list_events(query: &ListEventsQuery) -> ListEvents {
        query: query,
    }

    /// List the types of events there are, with the schema of their details.
    @example(
        "()",
        r#"println!("{:?}", reply.event_types);"#
    )
    anyone fn list_event_types() -> ListEventTypes {}
}
