//! Metering keys, made by the operator.

use serde_json::json;

use crate::TestServer;

/// A metering key.
#[derive(Clone, Debug)]
pub struct MeteringKey {
    /// Identifier.
    pub id: String,
    /// The token.
    pub token: String,
}

impl TestServer {
    /// A metering key of this name, for a source that asks for leases.
    pub async fn metering_key(&self, name: &str) -> MeteringKey {
        let call = self.operator("POST", "/operator/v1/metering_keys").json(&json!({"name": name}));
        let key = call.send().await.ok()["metering_key"].clone();
        let text = |name: &str| key[name].as_str().expect("text").to_owned();
        MeteringKey { id: text("id"), token: text("token") }
    }
}
