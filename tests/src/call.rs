//! One request and its reply.

use serde_json::Value;

/// A request to be sent.
pub struct Call(reqwest::RequestBuilder);

impl Call {
    /// A request to a URL.
    ///
    /// # Panics
    /// When the method is none.
    #[must_use]
    pub fn new(http: &reqwest::Client, method: &str, url: &str) -> Self {
        Call(http.request(method.parse().expect("a method"), url))
    }

    /// With a token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Call(self.0.header(name, value))
    }

    /// With a JSON body, without a content type, as the Python client sends it.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        Call(self.0.body(body.to_string()))
    }

    /// With a body of any bytes.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Call(self.0.body(body.into()))
    }

    /// With an urlencoded form.
    #[must_use]
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        Call(self.0.form(pairs))
    }

    /// With query parameters.
    #[must_use]
    pub fn query(self, pairs: &[(&str, &str)]) -> Self {
        Call(self.0.query(pairs))
    }

    /// Sends it, and leaves the body to be read as it comes.
    pub async fn open(self) -> reqwest::Response {
        self.0.send().await.expect("a response")
    }

    /// Sends it.
    pub async fn send(self) -> Reply {
        let response = self.0.send().await.expect("a response");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply { status, headers, text, json }
    }
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

impl Reply {
    /// The body of a success: 200, JSON, an object.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        assert!(self.header("content-type").starts_with("application/json"), "{:?}", self.headers);
        assert!(self.json.is_object(), "{}", self.text);
        self.json
    }

    /// The message of an error with this status and code; checks its whole form.
    #[track_caller]
    pub fn error(&self, status: u16, code: &str) -> String {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.json["status"], status, "the status is repeated in the body");
        assert!(self.header("content-type").starts_with("application/json"), "{:?}", self.headers);
        self.json["message"].as_str().filter(|m| !m.is_empty()).expect("a message").to_owned()
    }

    /// Checks that it is a 400 about this field.
    #[track_caller]
    pub fn field(&self, field: &str) {
        assert_eq!(self.status, 400, "{}", self.text);
        assert!(self.json["message"].is_string() && self.json["code"].is_string(), "{}", self.text);
        let fields: Vec<_> = self.json["fields"].as_array().into_iter().flatten().map(|f| &f["field"]).collect();
        assert!(fields.iter().any(|f| *f == field), "no field {field}: {}", self.text);
    }

    /// A header as text; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}
