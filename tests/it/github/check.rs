//! `polity github check` against a GitHub where everything can be wrong, and
//! `polity github manifest`.

use polity_tests::github::{APP_ID, APP_NAME, AppKey, CLIENT_ID, CLIENT_SECRET, Fault, GitHub, WEBHOOK_SECRET};
use polity_tests::{Ended, command, run};
use serde_json::{Value, json};

const PUBLIC_URL: &str = "https://polity.example.com";

/// A GitHub where all is as it should be.
async fn github() -> GitHub {
    let github = GitHub::start().await;
    github.world(|world| {
        world.hook["url"] = json!(format!("{PUBLIC_URL}/webhooks/github"));
    });
    github
}

/// Checks with the right settings, but for some.
async fn check(github: &GitHub, changed: &[(&str, &str)]) -> Ended {
    let mut command = command(&["github", "check"]);
    command.envs([
        ("POLITY_PUBLIC_URL", PUBLIC_URL.to_owned()),
        ("POLITY_GITHUB_APP_ID", APP_ID.to_string()),
        ("POLITY_GITHUB_APP_NAME", APP_NAME.to_owned()),
        ("POLITY_GITHUB_PRIVATE_KEY", github.private_key()),
        ("POLITY_GITHUB_CLIENT_ID", CLIENT_ID.to_owned()),
        ("POLITY_GITHUB_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ("POLITY_GITHUB_WEBHOOK_SECRET", WEBHOOK_SECRET.to_owned()),
        ("POLITY_GITHUB_API_URL", github.api_url()),
        ("POLITY_GITHUB_WEB_URL", github.web_url()),
    ]);
    command.envs(changed.iter().copied());
    let ended = run(command).await;
    for secret in [CLIENT_SECRET, WEBHOOK_SECRET, github.private_key().lines().nth(1).unwrap()] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "a secret is printed");
    }
    ended
}

/// Checks that this and nothing else is said to be wrong.
#[track_caller]
fn found(ended: &Ended, what: &str) {
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    let wrong: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("WRONG")).collect();
    assert!(wrong.len() == 1 && wrong[0].contains(what), "{what:?} is not what is wrong in\n{}", ended.stdout);
    assert!(ended.stderr.contains("1 thing has to be mended"), "{}", ended.stderr);
}

#[tokio::test]
async fn what_is_right_is_listed_and_nothing_is_changed() {
    let github = github().await;
    let said = check(&github, &[]).await.ok();
    for part in ["App 4711", "polity-test", "accepted", "metadata", "contents", "emails", "push", PUBLIC_URL] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert!(!said.contains("WRONG") && !said.contains("note"), "{said}");
    let changing = |method: &str, path: &str| method != "GET" && path != "/login/oauth/access_token";
    assert!(!github.recorded().iter().any(|one| changing(&one.method, &one.path)));
}

#[tokio::test]
async fn each_wrong_setting_is_named() {
    let github = github().await;
    let other_key = AppKey::generate().pkcs1_pem();
    let nowhere = format!("{}/nowhere", github.web_url());
    for (setting, value) in [
        ("POLITY_GITHUB_APP_ID", "1"),
        ("POLITY_GITHUB_APP_NAME", "another"),
        ("POLITY_GITHUB_PRIVATE_KEY", other_key.as_str()),
        ("POLITY_GITHUB_CLIENT_SECRET", "another-secret"),
        ("POLITY_GITHUB_API_URL", nowhere.as_str()),
        ("POLITY_GITHUB_API_URL", "http://127.0.0.1:9"),
        ("POLITY_GITHUB_WEB_URL", nowhere.as_str()),
        ("POLITY_PUBLIC_URL", "https://elsewhere.example.com"),
    ] {
        found(&check(&github, &[(setting, value)]).await, setting);
    }
    // GitHub shows the client id, and does not accept another one either.
    let ended = check(&github, &[("POLITY_GITHUB_CLIENT_ID", "Iv1.another")]).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.stdout.matches("POLITY_GITHUB_CLIENT_ID").count(), 2, "{}", ended.stdout);
}

#[tokio::test]
async fn what_the_app_lacks_is_named() {
    for permission in ["metadata", "contents", "members"] {
        let github = github().await;
        github.world(|world| world.permissions.remove(permission));
        found(&check(&github, &[]).await, &format!("permission {permission}"));
    }
    let github = github().await;
    github.world(|world| world.events.retain(|event| event != "push" && event != "create"));
    found(&check(&github, &[]).await, "create, push");
}

#[tokio::test]
async fn a_permission_that_only_some_need_is_a_note() {
    let github = github().await;
    github.world(|world| world.permissions.remove("emails"));
    let said = check(&github, &[]).await.ok();
    assert!(said.lines().any(|line| line.starts_with("note") && line.contains("emails")), "{said}");
}

#[tokio::test]
async fn webhooks_that_cannot_work_are_named() {
    for (name, value, what) in [
        ("url", json!("https://elsewhere.example.com/webhooks/github"), "https://elsewhere.example.com"),
        ("url", Value::Null, "webhooks are sent to \"\""),
        ("content_type", json!("form"), "application/json"),
        ("secret", Value::Null, "not signed"),
    ] {
        let github = github().await;
        github.world(|world| world.hook[name] = value);
        found(&check(&github, &[]).await, what);
    }
    for (code, status, what) in [
        (401, "Invalid HTTP Response: 401", "POLITY_GITHUB_WEBHOOK_SECRET"),
        (502, "Invalid HTTP Response: 502", "502"),
        (0, "failed to connect to host", "failed to connect"),
    ] {
        let github = github().await;
        let last = json!([{"event": "push", "status": status, "status_code": code}]);
        github.world(|world| world.hook_deliveries = last);
        found(&check(&github, &[]).await, what);
    }
    let github = github().await;
    github.world(|world| world.hook["insecure_ssl"] = json!(1));
    assert!(check(&github, &[]).await.ok().contains("without verifying"));
}

#[tokio::test]
async fn a_github_that_fails_is_not_taken_for_good() {
    for fault in Fault::QUICK {
        for path in ["/app", "/login/oauth/access_token", "/app/hook/config"] {
            let github = github().await;
            github.fail_always(path, *fault);
            let ended = check(&github, &[]).await;
            assert_eq!(ended.code, Some(1), "{fault:?} at {path}: {}", ended.stdout);
        }
    }
}

#[tokio::test]
async fn without_an_app_there_is_nothing_to_check() {
    run(command(&["github", "check"])).await.refused("POLITY_GITHUB_APP_ID");
}

#[tokio::test]
async fn the_manifest_asks_for_what_the_check_looks_for() {
    let mut print = command(&["github", "manifest", "--name", "Polity of Acme"]);
    print.env("POLITY_PUBLIC_URL", format!("{PUBLIC_URL}/"));
    let manifest: Value = serde_json::from_str(&run(print).await.ok()).unwrap();
    assert_eq!(manifest["name"], "Polity of Acme");
    assert_eq!(manifest["url"], PUBLIC_URL);
    assert_eq!(manifest["hook_attributes"]["url"], format!("{PUBLIC_URL}/webhooks/github"));
    assert_eq!(manifest["callback_urls"], json!([format!("{PUBLIC_URL}/account/oauth/github/callback")]));
    assert_eq!((&manifest["public"], &manifest["request_oauth_on_install"]), (&json!(true), &json!(true)));

    let github = github().await;
    github.world(|world| {
        world.permissions = serde_json::from_value(manifest["default_permissions"].clone()).unwrap();
        world.events = serde_json::from_value(manifest["default_events"].clone()).unwrap();
        world.hook["url"] = manifest["hook_attributes"]["url"].clone();
    });
    let said = check(&github, &[]).await.ok();
    assert!(!said.contains("note"), "{said}");
}

#[tokio::test]
async fn the_page_registers_the_app_in_one_click() {
    let mut print = command(&["github", "manifest", "--html", "--owner", "acme"]);
    print.envs([("POLITY_PUBLIC_URL", PUBLIC_URL), ("POLITY_GITHUB_WEB_URL", "https://ghe.example.com")]);
    let page = run(print).await.ok();
    assert!(page.contains("action=\"https://ghe.example.com/organizations/acme/settings/apps/new\""), "{page}");
    assert!(page.contains("&quot;hook_attributes&quot;"), "the manifest is escaped: {page}");
}

#[tokio::test]
async fn a_manifest_needs_an_address_and_a_name_that_fits() {
    run(command(&["github", "manifest"])).await.refused("POLITY_PUBLIC_URL");
    let mut long = command(&["github", "manifest", "--name", &"x".repeat(35)]);
    long.env("POLITY_PUBLIC_URL", PUBLIC_URL);
    run(long).await.refused("34 characters");
}
