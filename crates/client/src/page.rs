//! Lists, page after page.
//!
//! The API pages by limit and offset, and tells in one of three ways whether
//! there is more: by a total, by a flag, or not at all. Items that appear or go
//! while such a list is read can be met twice or missed, as with any offset.
//!
//! Feeds and the lists of the operator also give a cursor to the next page, and
//! are read by it: nothing is met twice, and nothing missed that was there.

use std::collections::VecDeque;

use futures_util::Stream;
use futures_util::stream::try_unfold;
use polity_api::operation::{Empty, Operation};
use polity_api::page::Offset;
use polity_api::table;

use crate::client::Client;
use crate::error::Result;
use crate::types::*;

/// A list operation.
pub trait Paged: Operation<Path: Clone, Body = Empty, Query: Clone> {
    /// What is in the list.
    type Item: Send + 'static;

    /// Where a query starts.
    #[doc(hidden)]
    fn offset(query: &mut Self::Query) -> &mut Offset;

    /// The cursor of a query, where the list has one.
    #[doc(hidden)]
    fn cursor(query: &mut Self::Query) -> Option<&mut String>;

    /// Takes the page out of its reply.
    #[doc(hidden)]
    fn page(reply: Self::Reply) -> Page<Self::Item>;
}

/// A page of a list.
#[doc(hidden)]
pub struct Page<T> {
    items: Vec<T>,
    more: More,
    /// Leads to the next page; empty where there is none, or no cursors.
    next_cursor: String,
}

/// Whether there is more after a page.
enum More {
    /// There are so many in all.
    Total(u32),
    /// The server knows.
    Flag(bool),
    /// A page that is not full is the last; this is what a full one holds.
    UntilShort(u32),
}

impl More {
    /// `offset` is where the page began, `length` how many items it had. A
    /// page without items is the last whatever the server says, or a list
    /// that shrinks would be asked for without end.
    fn after(&self, offset: u32, length: u32) -> bool {
        length > 0
            && match *self {
                More::Total(count) => offset.saturating_add(length) < count,
                More::Flag(has_next) => has_next,
                More::UntilShort(limit) => length >= limit,
            }
    }
}

macro_rules! paged {
    (@cursor $query:ident by_cursor) => { Some(&mut $query.cursor) };
    (@cursor $query:ident by_offset) => { { let _ = $query; None } };
    (@next $reply:ident by_cursor) => { $reply.next_cursor };
    (@next $reply:ident by_offset) => { String::new() };
    ($($operation:ident: $items:ident of $item:ty, $by:ident, $reply:ident => $more:expr;)+) => { $(
        impl Paged for table::$operation {
            type Item = $item;
            fn offset(query: &mut Self::Query) -> &mut Offset {
                &mut query.offset
            }
            fn cursor(query: &mut Self::Query) -> Option<&mut String> {
                paged!(@cursor query $by)
            }
            fn page($reply: Self::Reply) -> Page<$item> {
                let more = $more;
                Page { items: $reply.$items, more, next_cursor: paged!(@next $reply $by) }
            }
        }
    )+

    /// The lists that can be read page after page.
    #[cfg(test)]
    const LISTS: &[&str] = &[$(stringify!($operation)),+];
    };
}

paged! {
    GetAccountActivities: activities of Activity, by_cursor, reply => More::Flag(reply.has_next);
    GetOrganizationUsageDetails: usage_details of UsageDetails, by_offset, reply => More::Total(reply.count);
    ListActivities: activities of Activity, by_cursor, reply => More::Flag(reply.has_next);
    ListApps: apps of serde_json::Map<String, serde_json::Value>, by_offset, reply => More::Total(reply.count);
    ListBranches: branches of Branch, by_offset, reply => More::Total(reply.count);
    ListCredentials: credentials of Credential, by_offset, reply => More::Total(reply.count);
    ListNotifications: notifications of Notification, by_cursor, reply => More::Total(reply.count);
    ListOrganizationInvitations: invitations of OrganizationInvitation, by_offset, reply => More::Total(reply.count);
    ListOrganizationMembers: members of OrganizationMember, by_offset, reply => More::Total(reply.count);
    ListPaymentMethods: payment_methods of PaymentMethod, by_offset, reply => More::Total(reply.count);
    ListProjects: projects of Project, by_offset, reply => More::UntilShort(reply.limit);
    ListRepositories: repositories of Repository, by_offset, reply => More::Total(reply.count);
    ListUserOrganizationInvitations: invitations of OrganizationInvitation, by_offset, reply => More::Total(reply.count);
    ListUserOrganizations: organizations of Organization, by_offset, reply => More::Flag(reply.has_next);
    OperatorListActivities: activities of Activity, by_cursor, reply => More::Flag(reply.has_next);
    OperatorListCoupons: coupons of Coupon, by_cursor, reply => More::Flag(reply.has_next);
    ListWebhookDeliveries: deliveries of WebhookDelivery, by_cursor, reply => More::Flag(reply.has_next);
    OperatorListWebhookDeliveries: deliveries of WebhookDelivery, by_cursor, reply => More::Flag(reply.has_next);
    OperatorListMeteringKeys: metering_keys of MeteringKey, by_cursor, reply => More::Flag(reply.has_next);
    OperatorListOrganizations: organizations of Organization, by_cursor, reply => More::Flag(reply.has_next);
}

/// Reading a list: what has been fetched, and where to go on.
struct Reader<O: Paged> {
    client: Client,
    path: O::Path,
    query: O::Query,
    fetched: VecDeque<O::Item>,
    ended: bool,
}

impl<O: Paged> Reader<O> {
    async fn next(mut self) -> Result<Option<(O::Item, Self)>> {
        if self.fetched.is_empty() && !self.ended {
            let page = O::page(self.client.call::<O>(&self.path, &self.query, &Empty {}).await?);
            self.ended = !go_on::<O>(&mut self.query, &page);
            self.fetched = page.items.into();
        }
        Ok(self.fetched.pop_front().map(|item| (item, self)))
    }
}

/// Makes the query of a page that of the next one; returns whether there is one.
fn go_on<O: Paged>(query: &mut O::Query, page: &Page<O::Item>) -> bool {
    let length = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
    if let Some(cursor) = O::cursor(query) {
        let by_cursor = !cursor.is_empty();
        cursor.clone_from(&page.next_cursor);
        if by_cursor || !page.next_cursor.is_empty() {
            *O::offset(query) = Offset(0);
            return length > 0 && !page.next_cursor.is_empty();
        }
    }
    let offset = O::offset(query);
    let more = page.more.after(offset.0, length);
    offset.0 = offset.0.saturating_add(length);
    more
}

/// Every item from where the query starts, a page at a time. Ends after the first error.
pub(crate) fn stream<O: Paged>(
    client: Client,
    path: O::Path,
    query: O::Query,
) -> impl Stream<Item = Result<O::Item>> + Send + 'static {
    try_unfold(Reader::<O> { client, path, query, fetched: VecDeque::new(), ended: false }, Reader::next)
}

#[cfg(test)]
mod tests {
    use polity_api::operation::Paging;
    use polity_api::table::ALL;

    use super::*;

    #[test]
    fn every_list_can_be_read_page_after_page() {
        let lists: Vec<_> = ALL.iter().filter(|meta| meta.paging != Paging::No).map(|meta| meta.id).collect();
        let mut missing = lists.clone();
        missing.retain(|id| !LISTS.contains(id));
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(lists.len(), LISTS.len());
    }

    #[test]
    fn the_three_ways_to_tell_that_there_is_more() {
        assert!(More::Total(3).after(0, 2) && !More::Total(3).after(2, 1));
        assert!(More::Flag(true).after(0, 1) && !More::Flag(false).after(0, 20));
        assert!(More::UntilShort(20).after(40, 20) && !More::UntilShort(20).after(0, 19));
        for more in [More::Total(9), More::Flag(true), More::UntilShort(0)] {
            assert!(!more.after(0, 0), "a page without items is the last");
        }
    }

    fn page<T>(items: Vec<T>, more: More, next_cursor: &str) -> Page<T> {
        Page { items, more, next_cursor: next_cursor.to_owned() }
    }

    #[test]
    fn a_list_that_gives_cursors_is_read_by_them_to_its_end() {
        let mut query = ListNotificationsQuery { offset: Offset(7), ..Default::default() };
        let items = || vec![serde_json::from_str::<Notification>(NOTIFICATION).unwrap()];
        assert!(go_on::<table::ListNotifications>(&mut query, &page(items(), More::Total(9), "abc")));
        assert_eq!((query.offset, query.cursor.as_str()), (Offset(0), "abc"));
        assert!(!go_on::<table::ListNotifications>(&mut query, &page(items(), More::Total(9), "")));
    }

    #[test]
    fn a_server_that_gives_no_cursors_is_read_by_offset() {
        let mut query = ListNotificationsQuery { offset: Offset(7), ..Default::default() };
        let items = || vec![serde_json::from_str::<Notification>(NOTIFICATION).unwrap()];
        assert!(go_on::<table::ListNotifications>(&mut query, &page(items(), More::Total(9), "")));
        assert_eq!((query.offset, query.cursor.as_str()), (Offset(8), ""));
        assert!(!go_on::<table::ListNotifications>(&mut query, &page(items(), More::Total(9), "")));
    }

    const NOTIFICATION: &str = r#"{
        "id": "0b7dff01-2345-4000-8000-000000000000", "activity": {"id": "0b7dff01-2345-4000-8000-000000000000"}
    }"#;
}
