//! The client, call by call: what it sends, and what it makes of each kind of answer.

use std::sync::Arc;

use polity_api::scalar::Timestamp;
use polity_ops::Clock;
use polity_ops::github::app::{App, AppSettings};
use polity_ops::github::client::{Fresh, Narrowing, Trouble};
use polity_tests::TestClock;
use polity_tests::github::{
    APP_ID, APP_NAME, AppKey, CLIENT_ID, CLIENT_SECRET, Fault, GitHub, WEBHOOK_SECRET, signature,
};

use crate::setup::{MINUTE, SECOND};

fn settings(github: &GitHub) -> AppSettings {
    AppSettings {
        app_id: APP_ID,
        app_name: APP_NAME.to_owned(),
        private_key: github.private_key().into(),
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.to_owned().into(),
        webhook_secret: WEBHOOK_SECRET.to_owned().into(),
        api_url: github.api_url(),
        web_url: github.web_url(),
    }
}

fn app(github: &GitHub) -> (App, TestClock) {
    let clock = TestClock::default();
    github.set_clock(&clock);
    let ticking = clock.clone();
    let clock_of_app = Clock(Arc::new(move || Timestamp(ticking.now_micros())));
    (App::new(settings(github), clock_of_app).expect("an app"), clock)
}

/// A GitHub with an installation that has so many repositories.
async fn installed(repositories: usize) -> (GitHub, App, TestClock, i64) {
    let github = GitHub::start().await;
    let (app, clock) = app(&github);
    let installation = github.world(|world| {
        let owner = world.user("octo", "octo@example.com");
        let account = world.organization("acme", owner);
        for number in 0..repositories {
            world.repo(account, &format!("repo-{number}"));
        }
        world.installed(account, None)
    });
    (github, app, clock, installation)
}

#[tokio::test]
async fn an_app_says_who_it_is_with_a_key_of_either_form() {
    let (github, app, _, installation) = installed(0).await;
    let info = app.app().await.unwrap();
    assert_eq!((info.id, info.slug.as_str()), (i64::try_from(APP_ID).unwrap(), APP_NAME));
    assert_eq!(info.permissions["contents"], "write");
    let found = app.installation(installation).await.unwrap().expect("an installation");
    assert_eq!((found.account.login.as_str(), found.repository_selection.as_str()), ("acme", "all"));
    assert!(app.installation(1).await.unwrap().is_none());
    assert_eq!(app.installations(1).await.unwrap().items.len(), 1);

    let clock = Clock(Arc::new(|| Timestamp(TestClock::default().now_micros())));
    let key = AppKey::shared().pkcs8_pem();
    let other = App::new(AppSettings { private_key: key.into(), ..settings(&github) }, clock.clone()).unwrap();
    assert!(other.app().await.is_ok());
    let key = AppKey::generate().pkcs1_pem();
    let foreign = App::new(AppSettings { private_key: key.into(), ..settings(&github) }, clock.clone()).unwrap();
    assert!(foreign.app().await.unwrap_err().is_status(401));
    for key in ["", "hunter2", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"] {
        let why = App::new(AppSettings { private_key: key.to_owned().into(), ..settings(&github) }, clock.clone());
        assert!(why.unwrap_err().starts_with("github_private_key"), "{key}");
    }
    for url in ["", "api.github.com", "ftp://x", "https://x?y", "https://a:b@x"] {
        let why = App::new(AppSettings { api_url: url.to_owned(), ..settings(&github) }, clock.clone());
        assert!(why.unwrap_err().starts_with("github_api_url"), "{url}");
    }
    let printed = format!("{app:?}");
    for secret in [CLIENT_SECRET, WEBHOOK_SECRET, "PRIVATE KEY"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

#[tokio::test]
async fn repositories_come_in_pages_and_a_page_that_is_known_costs_nothing() {
    let (_github, app, _, installation) = installed(150).await;
    let Fresh::Changed(first) = app.repositories(installation, 1, "").await.unwrap() else { panic!("a page") };
    assert_eq!((first.items.len(), first.total_count, first.more), (100, Some(150), true));
    let Fresh::Changed(second) = app.repositories(installation, 2, "").await.unwrap() else { panic!("a page") };
    assert_eq!((second.items.len(), second.total_count, second.more), (50, Some(150), false));
    assert!(!first.etag.is_empty() && first.etag != second.etag);
    assert!(matches!(app.repositories(installation, 1, &first.etag).await.unwrap(), Fresh::Unchanged));
    let one = &first.items[0];
    assert_eq!((one.full_name.as_str(), one.default_branch.as_str(), one.private), ("acme/repo-0", "main", true));
    assert!(app.repository(installation, one.id).await.unwrap().is_some());
    assert!(app.repository(installation, 1).await.unwrap().is_none());
    let Fresh::Changed(branches) = app.branches(installation, &one.full_name, 1, "").await.unwrap() else {
        panic!("a page")
    };
    assert_eq!(branches.items.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["main"]);
    assert!(app.branches(installation, "acme/none", 1, "").await.unwrap_err().is_status(404));
}

#[tokio::test]
async fn a_token_of_an_installation_is_used_until_shortly_before_its_end() {
    let (github, app, clock, installation) = installed(1).await;
    for _ in 0..3 {
        app.repositories(installation, 1, "").await.unwrap();
    }
    assert_eq!(github.count("access_tokens"), 1);
    clock.advance(54 * MINUTE);
    app.repositories(installation, 1, "").await.unwrap();
    assert_eq!(github.count("access_tokens"), 1);
    clock.advance(2 * MINUTE);
    app.repositories(installation, 1, "").await.unwrap();
    assert_eq!(github.count("access_tokens"), 2, "less than five minutes are left of the first");
    // One that ended early is replaced once, and then it is GitHub's word.
    github.world(polity_tests::github::World::revoke_tokens);
    app.repositories(installation, 1, "").await.unwrap();
    assert_eq!(github.count("access_tokens"), 3);
    github.fail_always("/installation/repositories", Fault::Status(401));
    assert!(app.repositories(installation, 1, "").await.unwrap_err().is_status(401));
}

#[tokio::test]
async fn a_token_is_narrowed_and_can_be_given_back() {
    let (github, app, _, installation) = installed(3).await;
    let repository = github.world(|world| world.repo_named("acme/repo-1").unwrap());
    let permissions = [("contents".to_owned(), "read".to_owned())].into();
    let narrowing = Narrowing { repository_ids: vec![repository], permissions };
    let token = app.access_token(installation, &narrowing).await.unwrap();
    assert_eq!((token.permissions.len(), token.repository_selection.as_str()), (1, "selected"));
    assert!(!format!("{token:?}").contains(token.token.expose()));
    let more = Narrowing { permissions: [("actions".to_owned(), "read".to_owned())].into(), ..Narrowing::default() };
    assert!(app.access_token(installation, &more).await.unwrap_err().is_status(422));
    app.revoke(&token.token).await.unwrap();
    assert!(app.revoke(&token.token).await.unwrap_err().is_status(401));
    app.delete_installation(installation).await.unwrap();
    app.delete_installation(installation).await.unwrap();
    assert!(app.access_token(installation, &Narrowing::default()).await.unwrap_err().is_status(404));
}

#[tokio::test]
async fn a_code_is_exchanged_once_and_only_by_who_began() {
    let (github, app, _, installation) = installed(0).await;
    let user = github.world(|world| world.account_named("octo"));
    let verifier = "v".repeat(43);
    let challenge = {
        use base64::Engine;
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash)
    };
    let url = format!(
        "{}/login/oauth/authorize?client_id={CLIENT_ID}&state=s&code_challenge={challenge}&code_challenge_method=S256",
        github.web_url()
    );
    let code = github.authorize(user, &url).code;
    let token = app.exchange(&code, &verifier, None).await.unwrap();
    let person = app.user(&token).await.unwrap();
    assert_eq!((person.id, person.login.as_str()), (user, "octo"));
    let emails = app.emails(&token).await.unwrap();
    assert!(emails[0].primary && emails[0].verified && emails[0].email == "octo@example.com");
    let installations = app.user_installations(&token, 1).await.unwrap();
    assert_eq!(installations.items.iter().map(|one| one.id).collect::<Vec<_>>(), [installation]);
    let again = app.exchange(&code, &verifier, None).await.unwrap_err();
    assert!(again.is_status(400) && !again.to_string().contains(&code), "{again}");
    let code = github.authorize(user, &url).code;
    assert!(app.exchange(&code, &"w".repeat(43), None).await.unwrap_err().is_status(400));
}

#[tokio::test]
async fn each_kind_of_trouble_is_told_apart() {
    let (github, app, clock, installation) = installed(1).await;
    app.repositories(installation, 1, "").await.unwrap();
    let now = || Timestamp(clock.now_micros());
    for fault in Fault::QUICK {
        github.fail("/installation/repositories", 0, *fault);
        let trouble = app.repositories(installation, 1, "").await.unwrap_err();
        assert!(trouble.is_passing(), "{fault:?}: {trouble}");
        match (fault, &trouble) {
            (Fault::Status(code), Trouble::Refused { status, .. }) => assert_eq!(code, status),
            (Fault::RateLimit(_) | Fault::Secondary(_) | Fault::SecondaryBare, Trouble::Throttled { until }) => {
                let wait = until.0 - now().0;
                let told = match fault {
                    Fault::RateLimit(seconds) | Fault::Secondary(seconds) => *seconds,
                    _ => 60,
                };
                assert!(wait > (told - 5) * SECOND && wait <= told * SECOND, "{fault:?}: {wait}");
                // Nobody is asked until then.
                let before = github.recorded().len();
                assert!(matches!(app.repositories(installation, 1, "").await, Err(Trouble::Throttled { .. })));
                assert_eq!(github.recorded().len(), before);
                clock.advance((told + 1) * SECOND);
            }
            (Fault::Truncated | Fault::Closed, Trouble::Unreachable(_)) => {}
            (Fault::HalfJson, Trouble::Malformed(_)) => {}
            _ => panic!("{fault:?}: {trouble:?}"),
        }
        assert!(app.repositories(installation, 1, "").await.is_ok(), "{fault:?}");
    }
    github.fail("/installation/repositories", 0, Fault::Status(403));
    assert!(!app.repositories(installation, 1, "").await.unwrap_err().is_passing());
    github.fail("/installation/repositories", 0, Fault::Hang);
    assert!(matches!(app.repositories(installation, 1, "").await, Err(Trouble::Unreachable(_))));
}

#[tokio::test]
async fn the_last_request_of_a_limit_is_the_last_that_is_made() {
    let (github, app, clock, installation) = installed(1).await;
    github.limit(3);
    for _ in 0..3 {
        assert!(app.repositories(installation, 1, "").await.is_ok());
    }
    assert!(matches!(app.repositories(installation, 1, "").await, Err(Trouble::Throttled { .. })));
    assert!(github.recorded().iter().all(|one| one.status != 403), "no request was made to be refused");
    clock.advance(61 * MINUTE);
    assert!(app.repositories(installation, 1, "").await.is_ok());
}

#[tokio::test]
async fn a_signature_is_that_of_the_body_and_of_nothing_else() {
    let (_github, app, ..) = installed(0).await;
    let body = br#"{"zen": "Keep it logically awesome."}"#;
    let good = signature(body, WEBHOOK_SECRET);
    assert!(app.has_signed(body, &good) && app.has_signed(body, &good.to_uppercase().replace("SHA256", "sha256")));
    assert!(!app.has_signed(b"{}", &good) && !app.has_signed(body, &signature(body, "other")));
    for bad in ["", "sha256=", "sha1=aa", &good[7..], &good[..70], &good.replace('=', "=0"), "sha256=zz"] {
        assert!(!app.has_signed(body, bad), "{bad}");
    }
}
