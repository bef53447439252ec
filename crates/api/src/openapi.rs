//! The OpenAPI document, made from the operation table: it cannot disagree
//! with what the server does.

use std::collections::BTreeSet;

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::error::ErrorBody;
use crate::operation::{Empty, Meta, Paging, Who};
use crate::table::ALL;

/// Where the schemas are, as the start of a reference.
const SCHEMAS: &str = "#/components/schemas/";

/// The errors every operation may answer with: status, name and meaning.
const ERRORS: &[(&str, &str, &str)] = &[
    ("400", "Refused", "A field is wrong, or the state of the resource does not allow it; `fields` says which."),
    ("401", "Unauthenticated", "No token, or one that is unknown, expired or revoked."),
    ("403", "Forbidden", "The token is good, and does not allow this."),
    ("404", "NotFound", "There is no such resource, or none the caller may know of."),
    ("429", "RateLimited", "Too many requests; the header `Retry-After` says when to come back."),
    ("500", "Failed", "The server failed."),
    ("503", "Unavailable", "The server is overloaded or stopping; try again."),
];

/// The OpenAPI 3.1 document of a server reached at `public_url`.
#[must_use]
pub fn document(public_url: &str) -> Value {
    let Collected { rows, mut requests, replies, error } = collect();

    let mut parameter_types = BTreeSet::new();
    let mut paths = Map::new();
    for (meta, row) in ALL.iter().zip(rows) {
        parameter_types.extend([&row.path, &row.query].into_iter().filter_map(name).map(str::to_owned));
        let operation = operation(meta, row, &requests);
        if let Value::Object(methods) = paths.entry(meta.path).or_insert_with(|| json!({})) {
            methods.insert(meta.method.to_ascii_lowercase(), operation);
        }
    }

    // What only names parameters is written out where they are.
    requests.retain(|name, _| !parameter_types.contains(name));
    let mut schemas = requests;
    schemas.extend(replies);
    schemas.sort_keys();

    let mut tags: Vec<Value> = ALL.iter().map(|meta| json!({ "name": meta.tag })).collect();
    tags.dedup();

    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Polity",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": public_url.trim_end_matches('/') }],
        "tags": tags,
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": ERRORS
                .iter()
                .map(|(_, name, meaning)| ((*name).to_owned(), response(meaning, &error)))
                .collect::<Map<_, _>>(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A session, an access token or the token of a credential.",
                },
            },
        },
    })
}

/// The schemas of one row; those of messages are references.
struct Row {
    path: Value,
    query: Value,
    body: Option<Value>,
    reply: Value,
}

/// Every schema there is. Requests and replies differ in what must be there:
/// a request may leave out anything, a reply leaves out nothing.
struct Collected {
    rows: Vec<Row>,
    requests: Map<String, Value>,
    replies: Map<String, Value>,
    error: Value,
}

fn collect() -> Collected {
    // Absent reads as the zero value everywhere, so defaults would only be noise.
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .with_transform(RecursiveTransform(|schema: &mut Schema| drop(schema.remove("default"))));
    let mut requests = settings.clone().for_deserialize().into_generator();
    let mut replies = settings.for_serialize().into_generator();

    let no_body = reference::<Empty>(&mut requests);
    let rows = ALL
        .iter()
        .map(|meta| Row {
            path: (meta.schemas.path)(&mut requests).to_value(),
            query: (meta.schemas.query)(&mut requests).to_value(),
            body: Some((meta.schemas.body)(&mut requests).to_value()).filter(|body| *body != no_body),
            reply: (meta.schemas.reply)(&mut replies).to_value(),
        })
        .collect();
    let error = reference::<ErrorBody>(&mut replies);
    Collected { rows, requests: requests.take_definitions(true), replies: replies.take_definitions(true), error }
}

fn reference<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// The name of the schema that a reference refers to.
fn name(reference: &Value) -> Option<&str> {
    reference.get("$ref")?.as_str()?.strip_prefix(SCHEMAS)
}

fn operation(meta: &Meta, row: Row, requests: &Map<String, Value>) -> Value {
    let (summary, description) = text(meta.doc);
    let mut operation = Map::new();
    let mut set = |key: &str, value: Value| drop(operation.insert(key.to_owned(), value));

    set("operationId", meta.id.into());
    set("summary", summary.into());
    if !description.is_empty() {
        set("description", description.into());
    }
    set("tags", json!([meta.tag]));
    set("x-who", who(meta.who).into());
    if let Some(paging) = paging(meta.paging) {
        set("x-paging", paging.into());
    }
    match (meta.who, meta.optional_token) {
        (Who::Anyone, true) => set("security", json!([{}, { "bearer": [] }])),
        (Who::Anyone, false) => set("security", json!([])),
        _ => {}
    }

    let mut parameters = parameters("path", &row.path, requests);
    parameters.extend(self::parameters("query", &row.query, requests));
    if !parameters.is_empty() {
        set("parameters", parameters.into());
    }
    if let Some(body) = row.body {
        set("requestBody", json!({ "required": false, "content": { "application/json": { "schema": body } } }));
    }

    let mut responses = Map::new();
    responses.insert("200".to_owned(), response("The request has been carried out.", &row.reply));
    for (status, name, _) in ERRORS {
        responses.insert((*status).to_owned(), json!({ "$ref": format!("#/components/responses/{name}") }));
    }
    set("responses", responses.into());
    Value::Object(operation)
}

fn response(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

/// The properties of a parameter type, each as a parameter.
fn parameters(place: &str, reference: &Value, requests: &Map<String, Value>) -> Vec<Value> {
    let schema = name(reference).and_then(|name| requests.get(name));
    let properties = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, schema)| parameter(place, name, schema.clone())).collect()
}

fn parameter(place: &str, name: &str, mut schema: Value) -> Value {
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    // A query string has no null: such a parameter is left out.
    if let Some(types) = schema.get_mut("type")
        && let Some([one, Value::String(null)]) = types.as_array().map(Vec::as_slice)
        && null == "null"
    {
        *types = one.clone();
    }
    let is_list = schema.get("type").is_some_and(|kind| kind == "array");
    let mut parameter = json!({ "name": name, "in": place, "required": place == "path" });
    if let Value::Object(fields) = &mut parameter {
        fields.extend(description.map(|text| ("description".to_owned(), text)));
        if is_list {
            fields.insert("style".to_owned(), "form".into());
            fields.insert("explode".to_owned(), true.into());
        }
        fields.insert("schema".to_owned(), schema);
    }
    parameter
}

/// The first line of a documentation comment, and the rest.
fn text(doc: &str) -> (String, String) {
    let mut lines = doc.lines().map(str::trim);
    let summary = lines.next().unwrap_or_default().to_owned();
    (summary, lines.collect::<Vec<_>>().join("\n").trim().to_owned())
}

fn who(who: Who) -> &'static str {
    match who {
        Who::Anyone => "anyone",
        Who::Token => "token",
        Who::User => "user",
        Who::Member => "member",
        Who::Operator => "operator",
        Who::Metering => "metering",
        Who::Platform => "platform",
    }
}

fn paging(paging: Paging) -> Option<&'static str> {
    match paging {
        Paging::No => None,
        Paging::Count => Some("count"),
        Paging::HasNext => Some("has_next"),
        Paging::Plain => Some("plain"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(meta_id: &str) -> Value {
        let document = document("https://polity.example/");
        let meta = ALL.iter().find(|meta| meta.id == meta_id).unwrap();
        document["paths"][meta.path][meta.method.to_ascii_lowercase()].clone()
    }

    /// Calls `visit` with every key and value, however deep.
    fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str, &'a Value)) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    visit(key, value);
                    walk(value, visit);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| walk(value, visit)),
            _ => {}
        }
    }

    #[test]
    fn the_spellings_of_an_operation_are_one() {
        let of = |id: &str| ALL.iter().find(|meta| meta.id == id).unwrap().without_spelling();
        for id in ["UpdateUser", "UpdateUser2", "UpdateUserV2", "UpdateUserV22"] {
            assert_eq!(of(id), "UpdateUser");
        }
        for meta in ALL {
            assert!(ALL.iter().any(|other| other.id == meta.without_spelling()), "{}", meta.id);
        }
    }

    #[test]
    fn every_row_appears_once() {
        let document = document("https://polity.example/");
        assert_eq!(document["servers"][0]["url"], "https://polity.example");
        for meta in ALL {
            let operation = &document["paths"][meta.path][meta.method.to_ascii_lowercase()];
            assert_eq!(operation["operationId"], meta.id);
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{}", meta.id);
        }
        let mut ids = Vec::new();
        walk(&document["paths"], &mut |key, value| {
            if key == "operationId" {
                ids.push(value.as_str().unwrap());
            }
        });
        assert_eq!(ids.len(), ALL.len());
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "operation ids are unique");
    }

    #[test]
    fn every_reference_resolves_and_every_schema_is_used() {
        let document = document("");
        let mut used = BTreeSet::new();
        walk(&document, &mut |key, value| {
            assert_ne!(key, "$schema");
            assert_ne!(key, "$defs");
            if key == "$ref" {
                let pointer = value.as_str().unwrap().strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{pointer}");
                used.insert(pointer.to_owned());
            }
        });
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(used.contains(&format!("/components/schemas/{name}")), "{name} is not used");
        }
    }

    #[test]
    fn a_type_in_requests_and_replies_is_the_same_in_both() {
        let Collected { requests, replies, .. } = collect();
        for (name, schema) in &requests {
            assert!(replies.get(name).is_none_or(|reply| reply == schema), "{name}");
        }
    }

    #[test]
    fn the_parameters_of_a_path_are_those_in_its_braces() {
        for meta in ALL {
            let expected: Vec<&str> = meta.path.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
            let operation = get(meta.id);
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path = parameters.iter().filter(|p| p["in"] == "path");
            assert_eq!(in_path.map(|p| p["name"].as_str().unwrap()).collect::<Vec<_>>(), expected, "{}", meta.id);
            assert!(parameters.iter().all(|p| p["required"] == (p["in"] == "path")), "{}", meta.id);
        }
    }

    #[test]
    fn a_list_parameter_repeats_and_says_what_it_takes() {
        let operation = get("ListUserOrganizations");
        assert_eq!(operation["x-paging"], "has_next");
        let statuses = operation["parameters"].as_array().unwrap().iter().find(|p| p["name"] == "statuses").unwrap();
        assert_eq!((&statuses["style"], &statuses["explode"]), (&json!("form"), &json!(true)));
        assert_eq!(statuses["schema"]["items"]["$ref"], "#/components/schemas/OrganizationStatus");
        assert!(statuses["description"].is_string());
        let usage = get("GetOrganizationUsage");
        assert_eq!(usage["parameters"][0]["schema"], json!({ "type": "string", "format": "date-time" }));
        let members = get("ListOrganizationMembers");
        assert_eq!(members["parameters"][2]["schema"], json!({ "type": "string", "format": "uuid" }));
    }

    #[test]
    fn bodies_security_and_errors() {
        let create = get("CreateOrganization");
        assert_eq!(create["requestBody"]["required"], false);
        assert_eq!(
            create["requestBody"]["content"]["application/json"]["schema"]["$ref"],
            "#/components/schemas/CreateOrganizationRequest"
        );
        assert_eq!(create.get("security"), None);
        assert!(create["description"].as_str().unwrap().contains("first member"));
        for status in ["400", "401", "403", "404", "429", "500", "503"] {
            assert!(create["responses"][status].is_object(), "{status}");
        }
        assert_eq!(get("ReactivateOrganization").get("requestBody"), None);
        assert_eq!(get("Login")["security"], json!([]));
        assert_eq!(get("Validate")["security"], json!([{}, { "bearer": [] }]), "a token is optional");
        assert_eq!(get("OperatorListCoupons")["x-who"], "operator");
    }

    #[test]
    fn replies_promise_every_field_and_say_which_may_be_null() {
        let document = document("");
        let organization = &document["components"]["schemas"]["Organization"];
        let properties = organization["properties"].as_object().unwrap();
        assert_eq!(organization["required"].as_array().unwrap().len(), properties.len());
        assert_eq!(properties["plan_updated_at"]["type"], json!(["string", "null"]));
        assert_eq!(properties["default_project_id"]["type"], "string");
        let invitation = &document["components"]["schemas"]["OrganizationInvitation"]["properties"];
        assert_eq!(invitation["inviter"]["anyOf"][1]["type"], "null");
        let patch = &document["components"]["schemas"]["OrganizationPatch"];
        assert_eq!(patch.get("required"), None);
    }
}
