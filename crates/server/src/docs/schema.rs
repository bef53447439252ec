//! JSON schemas as text for people.

use maud::{Markup, html};
use serde_json::Value;

/// A row about a parameter.
pub(super) fn parameter(parameter: &Value) -> Markup {
    let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
    html! {
        tr {
            td { code { (text("name")) } }
            td { (text("in")) }
            td { @if let Some(schema) = parameter.get("schema") { (kind(schema)) } }
            td { (text("description")) }
        }
    }
}

/// A section about a named schema.
pub(super) fn section(name: &str, schema: &Value) -> Markup {
    let fields = schema.get("properties").and_then(Value::as_object);
    html! {
        section id={ "schema-" (name) } {
            h3 { (name) }
            @if let Some(text) = schema.get("description").and_then(Value::as_str) { p { (text) } }
            @if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
                table {
                    thead { tr { th { "Field" } th { "Type" } th { "Meaning" } } }
                    tbody {
                        @for (name, schema) in fields {
                            tr {
                                td { code { (name) } }
                                td { (kind(schema)) }
                                td { (schema.get("description").and_then(Value::as_str).unwrap_or_default()) }
                            }
                        }
                    }
                }
            } @else {
                p { (kind(schema)) }
            }
        }
    }
}

/// What a schema allows, in a few words.
pub(super) fn kind(schema: &Value) -> Markup {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    if let Some(choices) = ["anyOf", "oneOf", "allOf"].into_iter().find_map(|key| schema.get(key)?.as_array()) {
        return joined(choices, kind);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return joined(values, |value| html! { code { (value.as_str().unwrap_or("null")) } });
    }
    if let Some(value) = schema.get("const") {
        return html! { code { (value.as_str().unwrap_or("null")) } };
    }
    let format = schema.get("format").and_then(Value::as_str);
    let format = html! { @if let Some(format) = format { " (" (format) ")" } };
    match schema.get("type") {
        Some(Value::String(name)) if name == "array" => {
            html! { "list of " (schema.get("items").map(kind).unwrap_or_default()) }
        }
        Some(Value::String(name)) if name == "object" => match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) => html! { "map to " (kind(values)) },
            _ => html! { "object" },
        },
        Some(Value::String(name)) => html! { (name) (format) },
        Some(Value::Array(names)) => {
            html! { (joined(names, |name| html! { (name.as_str().unwrap_or_default()) })) (format) }
        }
        _ => html! { "anything" },
    }
}

fn joined(values: &[Value], one: impl Fn(&Value) -> Markup) -> Markup {
    html! { @for (i, value) in values.iter().enumerate() { @if i > 0 { " or " } (one(value)) } }
}
