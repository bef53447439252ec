//! The documentation that a server carries with it: `/`, `/docs` and
//! `/openapi.json`. Made from the operation table; no script, nothing from
//! elsewhere, so it works offline.

mod schema;

use std::sync::OnceLock;

use axum::response::Response;
use bytes::Bytes;
use maud::{DOCTYPE, Markup, html};
use polity_api::openapi;
use polity_api::operation::{Meta, Paging, Who};
use polity_api::table::ALL;
use serde_json::Value;

use crate::app::App;
use crate::reply;

/// The style of all pages of this file.
pub(crate) const STYLE: &str = include_str!("docs/style.css");

/// Documents of one server, made when first asked for.
#[derive(Default)]
pub(crate) struct Docs {
    openapi: OnceLock<Bytes>,
    operations: OnceLock<Bytes>,
}

/// The OpenAPI document.
pub(crate) fn openapi(app: &App) -> Response {
    let make =
        || serde_json::to_vec_pretty(&openapi::document(&app.ctx.settings.public_url)).unwrap_or_default().into();
    reply::json(app.docs.openapi.get_or_init(make).clone())
}

/// The page about every operation.
pub(crate) fn operations(app: &App) -> Bytes {
    let make = || operations_page(&openapi::document(&app.ctx.settings.public_url)).into_string().into();
    app.docs.operations.get_or_init(make).clone()
}

/// The page at `/`.
pub(crate) fn home() -> Bytes {
    let body = html! {
        h1 { "Polity" }
        p { "An organization control plane: organizations, members, invitations, credentials, plans and budgets." }
        ul {
            li { a href="/docs" { "Documentation of the API" } }
            li { a href="/openapi.json" { "OpenAPI document" } }
            li { a href="/.well-known/jwks.json" { "Public keys that sign tokens" } }
            li { a href="/readyz" { "State of this server" } }
        }
        p { "Release " (env!("CARGO_PKG_VERSION")) }
    };
    page("Polity", &body).into_string().into()
}

fn page(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href="/docs/style.css";
            }
            body { main { (body) } }
        }
    }
}

fn operations_page(document: &Value) -> Markup {
    let mut tags: Vec<&str> = ALL.iter().map(|meta| meta.tag).collect();
    tags.dedup();
    let of_tag = |tag: &str| ALL.iter().filter(move |meta| meta.tag == tag).collect::<Vec<_>>();
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    let body = html! {
        h1 { "The API" }
        p {
            "Every reply is a JSON object with status 200, or an error with "
            code { "status" } ", " code { "code" } ", " code { "message" } " and " code { "fields" } ". "
            "Send a token as " code { "Authorization: Bearer <token>" } ". "
            "The same as a document for programs: " a href="/openapi.json" { "/openapi.json" } "."
        }
        nav aria-label="Operations" {
            @for tag in &tags {
                details {
                    summary { (tag) }
                    ul { @for meta in of_tag(tag) { li { a href={ "#" (meta.id) } { (meta.id) } } } }
                }
            }
        }
        @for tag in &tags {
            h2 id={ "tag-" (tag) } { (tag) }
            @for meta in of_tag(tag) { (operation(meta, document)) }
        }
        h2 id="schemas" { "Types" }
        @for (name, schema) in schemas.into_iter().flatten() { (schema::section(name, schema)) }
    };
    page("The API of Polity", &body)
}

fn operation(meta: &Meta, document: &Value) -> Markup {
    let method = meta.method.to_ascii_lowercase();
    let operation = document.get("paths").and_then(|paths| paths.get(meta.path)).and_then(|path| path.get(&method));
    let at = |pointer: &str| operation.and_then(|operation| operation.pointer(pointer));
    let text = |pointer: &str| at(pointer).and_then(Value::as_str).unwrap_or_default();
    let parameters = at("/parameters").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    html! {
        section id=(meta.id) {
            h3 { (meta.id) }
            p { code class="route" { b { (meta.method) } " " (meta.path) } }
            p { (text("/summary")) }
            @if !text("/description").is_empty() { p { (text("/description")) } }
            p class="who" { (who(meta)) (paging(meta.paging)) }
            @if !parameters.is_empty() {
                table {
                    thead { tr { th { "Parameter" } th { "In" } th { "Type" } th { "Meaning" } } }
                    tbody {
                        @for parameter in parameters { (schema::parameter(parameter)) }
                    }
                }
            }
            @if let Some(body) = at("/requestBody/content/application~1json/schema") {
                p { "Body: " (schema::kind(body)) }
            }
            @if let Some(reply) = at("/responses/200/content/application~1json/schema") {
                p { "Reply: " (schema::kind(reply)) }
            }
        }
    }
}

fn who(meta: &Meta) -> &'static str {
    match meta.who {
        Who::Anyone if meta.optional_token => "For anybody; some of it takes a token.",
        Who::Anyone => "For anybody, without a token.",
        Who::Token => "For any valid token.",
        Who::User => "For a token that acts for a person: a session or a USER credential.",
        Who::Member => "For a token that acts for the organization concerned.",
        Who::Operator => "For the operator's key.",
        Who::Metering => "For a metering key, which the operator makes.",
        Who::Platform => "For the operator's key, or a metering key.",
    }
}

fn paging(paging: Paging) -> &'static str {
    match paging {
        Paging::No => "",
        Paging::Count => " A list: limit (20, at most 100) and offset; the reply has the total in count.",
        Paging::HasNext => {
            " A list: limit (20, at most 100) and offset; the reply says in has_next whether there is more."
        }
        Paging::Plain => " A list: limit (20, at most 100) and offset.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_operation_and_nothing_from_elsewhere() {
        let page = operations_page(&openapi::document("https://polity.example")).into_string();
        for meta in ALL {
            assert!(page.contains(&format!("<section id=\"{}\">", meta.id)), "{}", meta.id);
        }
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("src="));
        for href in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(href.starts_with(['#', '/']), "{href}");
            if let Some(id) = href.strip_prefix('#') {
                assert!(page.contains(&format!("id=\"{id}\"")), "{href} leads nowhere");
            }
        }
    }
}
