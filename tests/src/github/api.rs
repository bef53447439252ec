//! The REST API.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use crate::github::app::AppKey;
use crate::github::http::{Answer, Asked};
use crate::github::world::{Installed, Issued, Repo, random, time};
use crate::github::{APP_ID, APP_NAME, CLIENT_ID, State, World};

pub(crate) fn answer(state: &mut State, asked: &Asked, path: &str) -> Answer {
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        (_, ["app", rest @ ..]) => as_app(state, asked, rest),
        ("GET", ["user", rest @ ..]) => as_user(state, asked, rest),
        ("DELETE", ["installation", "token"]) => match state.world.tokens.remove(&asked.token) {
            Some(_) => Answer { status: 204, ..Answer::default() },
            None => Answer::message(401, "Bad credentials"),
        },
        ("GET", ["installation" | "repos" | "repositories", ..]) => as_installation(state, asked, &parts),
        _ => Answer::not_found(),
    }
}

fn as_app(state: &mut State, asked: &Asked, path: &[&str]) -> Answer {
    let now = state.now();
    if let Err(why) = AppKey::shared().check(&asked.token, now) {
        return Answer::message(401, &why);
    }
    let world = &mut state.world;
    let installed = |id: &str| id.parse().ok().and_then(|id: i64| world.installations.get(&id)).cloned();
    match (asked.method.as_str(), path) {
        ("GET", []) => {
            let owner = world.accounts.keys().next().map(|id| world.account_json(*id));
            let body = json!({
                "id": APP_ID, "slug": APP_NAME, "name": "Polity Test", "client_id": CLIENT_ID, "owner": owner,
                "html_url": format!("{}/apps/{APP_NAME}", world.url), "external_url": world.url, "description": null,
                "permissions": world.permissions, "events": world.events, "installations_count": world.installations.len(),
            });
            Answer::json(200, &body)
        }
        ("GET", ["hook", "config"]) => Answer::json(200, &world.hook),
        ("GET", ["hook", "deliveries"]) => Answer::json(200, &world.hook_deliveries),
        ("GET", ["installations"]) => {
            let all: Vec<_> = world.installations.values().map(|one| world.installation_json(one)).collect();
            list(asked, &world.url, &all, |page| json!(page))
        }
        ("GET", ["installation-requests"]) => {
            let all: Vec<_> = world
                .requests
                .iter()
                .map(|one| {
                    json!({
                        "id": one.id, "account": world.account_json(one.account),
                        "requester": world.account_json(one.requester), "created_at": time(one.created_at),
                    })
                })
                .collect();
            list(asked, &world.url, &all, |page| json!(page))
        }
        ("GET", ["installations", id]) => {
            installed(id).map_or_else(Answer::not_found, |one| Answer::json(200, &world.installation_json(&one)))
        }
        ("DELETE", ["installations", id]) => match installed(id) {
            Some(one) => {
                world.uninstall(one.id);
                Answer { status: 204, ..Answer::default() }
            }
            None => Answer::not_found(),
        },
        ("POST", ["installations", id, "access_tokens"]) => match installed(id) {
            Some(one) if one.suspended_at.is_some() => suspended(),
            Some(one) => issue(world, &one, &asked.body, now),
            None => Answer::not_found(),
        },
        _ => Answer::not_found(),
    }
}

fn suspended() -> Answer {
    Answer::message(403, "This installation has been suspended")
}

/// Makes a token, narrowed as the body says.
fn issue(world: &mut World, one: &Installed, body: &str, now: i64) -> Answer {
    let body: Value = if body.is_empty() { json!({}) } else { serde_json::from_str(body).unwrap_or(Value::Null) };
    let mut permissions = one.permissions.clone();
    if let Some(asked) = body["permissions"].as_object() {
        let asked: BTreeMap<String, String> =
            asked.iter().map(|(name, level)| (name.clone(), level.as_str().unwrap_or_default().to_owned())).collect();
        let level = |level: &str| ["", "read", "write", "admin"].iter().position(|one| *one == level).unwrap_or(9);
        if asked.iter().any(|(name, wish)| level(wish) > one.permissions.get(name).map_or(0, |has| level(has))) {
            return Answer::message(422, "The permissions requested are not granted to this installation.");
        }
        permissions = asked;
    }
    let mut repositories = None;
    if let Some(ids) = body["repository_ids"].as_array() {
        let ids: BTreeSet<i64> = ids.iter().filter_map(Value::as_i64).collect();
        if ids.iter().any(|id| !world.repos.get(id).is_some_and(|repo| world.reaches(one, repo))) {
            return Answer::message(422, "There is at least one repository that does not exist or is not accessible.");
        }
        repositories = Some(ids);
    }
    let (token, ends_at) = (random("ghs_"), now + world.token_seconds);
    let mut reply = json!({
        "token": token, "expires_at": time(ends_at), "permissions": permissions,
        "repository_selection": if repositories.is_some() || one.selected.is_some() { "selected" } else { "all" },
    });
    if let Some(ids) = &repositories {
        reply["repositories"] = ids.iter().map(|id| world.repo_json(&world.repos[id])).collect();
    }
    world.tokens.insert(token, Issued { installation: one.id, ends_at, repositories, permissions });
    Answer::json(201, &reply)
}

fn as_installation(state: &mut State, asked: &Asked, path: &[&str]) -> Answer {
    let now = state.now();
    let Some(token) = state.world.tokens.get(&asked.token).filter(|token| token.ends_at > now) else {
        return Answer::message(401, "Bad credentials");
    };
    let (installation, narrowed) = (token.installation, token.repositories.clone());
    let may_read_contents = token.permissions.contains_key("contents");
    if let Some(limit) = &mut state.rules.limit {
        if limit.reset_at <= now {
            (limit.remaining, limit.reset_at) = (limit.requests, now + 3600);
        }
        if limit.remaining == 0 {
            let mut answer = Answer::message(403, "API rate limit exceeded for installation.");
            answer.headers.push(("x-ratelimit-remaining", "0".into()));
            answer.headers.push(("x-ratelimit-reset", limit.reset_at.to_string()));
            return answer;
        }
    }
    let world = &state.world;
    let Some(one) = world.installations.get(&installation) else { return Answer::message(401, "Bad credentials") };
    if one.suspended_at.is_some() {
        return suspended();
    }
    let reached =
        |repo: &&Repo| world.reaches(one, repo) && narrowed.as_ref().is_none_or(|narrowed| narrowed.contains(&repo.id));
    let find = |id: Option<i64>| id.and_then(|id| world.repos.get(&id)).filter(reached);
    let mut answer = match path {
        ["installation", "repositories"] => {
            let all: Vec<_> = world.repos.values().filter(reached).collect();
            let count = all.len() + world.counted_too_much;
            list(asked, &world.url, &all, |page| {
                let page: Vec<_> = page.iter().map(|repo| world.repo_json(repo)).collect();
                json!({"total_count": count, "repository_selection": "all", "repositories": page})
            })
        }
        ["repositories", id] => {
            find(id.parse().ok()).map_or_else(Answer::not_found, |repo| Answer::json(200, &world.repo_json(repo)))
        }
        ["repos", owner, name, "branches"] => match find(world.repo_named(&format!("{owner}/{name}"))) {
            Some(_) if !may_read_contents => Answer::message(403, "Resource not accessible by integration"),
            Some(repo) => {
                let all: Vec<_> = repo.branches.iter().collect();
                list(asked, &world.url, &all, |page| {
                    let branch = |(name, protected): &(&String, &bool)| json!({"name": name, "commit": {"sha": "1".repeat(40), "url": ""}, "protected": protected});
                    page.iter().map(branch).collect()
                })
            }
            None => Answer::not_found(),
        },
        _ => Answer::not_found(),
    };
    if let Some(limit) = &mut state.rules.limit {
        // What has not changed costs nothing.
        limit.remaining -= i64::from(answer.status != 304);
        answer.headers.push(("x-ratelimit-limit", limit.requests.to_string()));
        answer.headers.push(("x-ratelimit-remaining", limit.remaining.to_string()));
        answer.headers.push(("x-ratelimit-reset", limit.reset_at.to_string()));
    }
    answer
}

fn as_user(state: &State, asked: &Asked, path: &[&str]) -> Answer {
    let world = &state.world;
    let Some(user) = world.user_tokens.get(&asked.token) else { return Answer::message(401, "Bad credentials") };
    let account = &world.accounts[user];
    match path {
        [] => {
            let mut body = world.account_json(*user);
            body["name"] = account.login.to_uppercase().into();
            Answer::json(200, &body)
        }
        ["emails"] => {
            let all: Vec<_> = account
                .emails
                .iter()
                .map(|(email, primary, verified)| {
                    json!({"email": email, "primary": primary, "verified": verified, "visibility": null})
                })
                .collect();
            list(asked, &world.url, &all, |page| json!(page))
        }
        ["memberships", "orgs", _] if !world.tells_roles => {
            Answer::message(403, "Resource not accessible by integration")
        }
        ["memberships", "orgs", login] => {
            let of = world.account_named(login);
            let role = if world.accounts[&of].owners.contains(user) { "admin" } else { "member" };
            Answer::json(200, &json!({"state": "active", "role": role, "organization": world.account_json(of)}))
        }
        ["installations"] => {
            let all: Vec<_> = world
                .installations
                .values()
                .filter(|one| {
                    let target = &world.accounts[&one.account];
                    target.owners.contains(user) || target.members.contains(user)
                })
                .map(|one| world.installation_json(one))
                .collect();
            let count = all.len();
            list(asked, &world.url, &all, |page| json!({"total_count": count, "installations": page}))
        }
        _ => Answer::not_found(),
    }
}

/// A page of a list, with its `Link` and `ETag`; 304 where the client has it.
fn list<T>(asked: &Asked, url: &str, all: &[T], body: impl FnOnce(&[T]) -> Value) -> Answer {
    let number = |name: &str, default: usize| asked.query(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (page, size) = (number("page", 1).max(1), number("per_page", 30).clamp(1, 100));
    let begin = ((page - 1) * size).min(all.len());
    let end = (begin + size).min(all.len());
    let mut answer = Answer::json(200, &body(&all[begin..end]));
    let mut hash = DefaultHasher::new();
    (&answer.body, end < all.len()).hash(&mut hash);
    let etag = format!("W/\"{:016x}\"", hash.finish());
    if asked.if_none_match == etag {
        answer = Answer { status: 304, ..Answer::default() };
    }
    answer.headers.push(("etag", etag));
    let link = |page: usize, rel: &str| format!("<{url}{}?per_page={size}&page={page}>; rel=\"{rel}\"", asked.path);
    let mut links = Vec::new();
    if page > 1 {
        links.extend([link(page - 1, "prev"), link(1, "first")]);
    }
    if end < all.len() {
        links.extend([link(page + 1, "next"), link(all.len().div_ceil(size), "last")]);
    }
    if !links.is_empty() {
        answer.headers.push(("link", links.join(", ")));
    }
    answer
}
