//! Times that a database cannot hold: whoever names one is told so.

use serde_json::json;

use crate::support::{NOBODY, start};

fn cursor(tag: char, number: i64) -> String {
    format!("{tag}{number:016x}{}", NOBODY.replace('-', ""))
}

#[tokio::test]
async fn a_cursor_with_a_time_at_which_nothing_was_made_is_refused() {
    let server = start().await;
    for (list, tag) in [("metering_keys", 'm'), ("organizations", 'o'), ("coupons", 'c')] {
        let ask = |number: i64| {
            server.operator("GET", &format!("/operator/v1/{list}")).query(&[("cursor", &cursor(tag, number))]).send()
        };
        // Years -290308, -4714 and 294247 among them.
        for number in [i64::MIN, i64::MIN + 1, -210_866_803_200_000_001, -1, 253_402_300_800_000_000, i64::MAX] {
            ask(number).await.field("cursor");
        }
        for number in [0, server.clock.now_micros()] {
            ask(number).await.ok();
        }
    }
}

#[tokio::test]
async fn a_coupon_that_expired_before_1970_is_refused() {
    let server = start().await;
    let make = |code: &str, expires_at: &str| {
        let body = json!({"code": code, "percent_off": 10, "expires_at": expires_at});
        server.operator("POST", "/operator/v1/coupons").json(&body).send()
    };
    for early in ["-005000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
        make("early", early).await.field("expires_at");
    }
    make("first", "1970-01-01T00:00:00Z").await.ok();
    make("last", "9999-12-30T00:00:00Z").await.ok();
    let list = server.operator("GET", "/operator/v1/coupons").send().await.ok();
    assert_eq!(list["coupons"].as_array().unwrap().len(), 2, "{list}");
}
