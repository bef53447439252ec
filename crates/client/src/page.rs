//! Lists, page after page.
//!
//! The API pages by limit and offset, and tells in one of three ways whether
//! there is more: by a total, by a flag, or not at all. Items that appear or go
//! while a list is read can be met twice or missed, as with any offset.

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
pub trait Paged: Operation<Path = Empty, Body = Empty, Query: Clone> {
    /// What is in the list.
    type Item: Send + 'static;

    /// Where a query starts.
    #[doc(hidden)]
    fn offset(query: &mut Self::Query) -> &mut Offset;

    /// Takes the page out of its reply.
    #[doc(hidden)]
    fn page(reply: Self::Reply) -> Page<Self::Item>;
}

/// A page of a list.
#[doc(hidden)]
pub struct Page<T> {
    items: Vec<T>,
    more: More,
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
    ($($operation:ident: $items:ident of $item:ty, $reply:ident => $more:expr;)+) => { $(
        impl Paged for table::$operation {
            type Item = $item;
            fn offset(query: &mut Self::Query) -> &mut Offset {
                &mut query.offset
            }
            fn page($reply: Self::Reply) -> Page<$item> {
                let more = $more;
                Page { items: $reply.$items, more }
            }
        }
    )+

    /// The lists that can be read page after page.
    #[cfg(test)]
    const LISTS: &[&str] = &[$(stringify!($operation)),+];
    };
}

paged! {
    GetAccountActivities: activities of Activity, reply => More::Flag(reply.has_next);
    GetOrganizationUsageDetails: usage_details of UsageDetails, reply => More::Total(reply.count);
    ListActivities: activities of Activity, reply => More::Flag(reply.has_next);
    ListApps: apps of serde_json::Map<String, serde_json::Value>, reply => More::Total(reply.count);
    ListCredentials: credentials of Credential, reply => More::Total(reply.count);
    ListNotifications: notifications of Notification, reply => More::Total(reply.count);
    ListOrganizationInvitations: invitations of OrganizationInvitation, reply => More::Total(reply.count);
    ListOrganizationMembers: members of OrganizationMember, reply => More::Total(reply.count);
    ListPaymentMethods: payment_methods of PaymentMethod, reply => More::Total(reply.count);
    ListProjects: projects of Project, reply => More::UntilShort(reply.limit);
    ListUserOrganizationInvitations: invitations of OrganizationInvitation, reply => More::Total(reply.count);
    ListUserOrganizations: organizations of Organization, reply => More::Flag(reply.has_next);
    OperatorListActivities: activities of Activity, reply => More::Flag(reply.has_next);
    OperatorListCoupons: coupons of Coupon, reply => More::Total(reply.count);
    OperatorListOrganizations: organizations of Organization, reply => More::Total(reply.count);
}

/// Reading a list: what has been fetched, and where to go on.
struct Reader<O: Paged> {
    client: Client,
    query: O::Query,
    fetched: VecDeque<O::Item>,
    ended: bool,
}

impl<O: Paged> Reader<O> {
    async fn next(mut self) -> Result<Option<(O::Item, Self)>> {
        if self.fetched.is_empty() && !self.ended {
            let page = O::page(self.client.call::<O>(&Empty {}, &self.query, &Empty {}).await?);
            let length = u32::try_from(page.items.len()).unwrap_or(u32::MAX);
            let offset = O::offset(&mut self.query);
            self.ended = !page.more.after(offset.0, length);
            offset.0 = offset.0.saturating_add(length);
            self.fetched = page.items.into();
        }
        Ok(self.fetched.pop_front().map(|item| (item, self)))
    }
}

/// Every item from where the query starts, a page at a time. Ends after the first error.
pub(crate) fn stream<O: Paged>(
    client: Client,
    query: O::Query,
) -> impl Stream<Item = Result<O::Item>> + Send + 'static {
    try_unfold(Reader::<O> { client, query, fetched: VecDeque::new(), ended: false }, Reader::next)
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
}
