//! launchdarkly-server-sdk for Rust.

use std::time::Duration;

use launchdarkly_sdk_transport::HyperTransport;
use launchdarkly_server_sdk::{
    Client, ConfigBuilder, Context, EventProcessorBuilder, ServiceEndpointsBuilder,
    StreamingDataSourceBuilder,
};
use rust_clients::{Changed, Config, Detail, drive};
use serde_json::{Value, json};

struct Launchdarkly(Client);

async fn connect(config: Config, changed: Changed) -> Result<Launchdarkly, String> {
    let transport = HyperTransport::new().map_err(|error| error.to_string())?;
    let built = ConfigBuilder::new(&config.credential)
        .service_endpoints(ServiceEndpointsBuilder::new().relay_proxy(&config.url))
        .data_source(
            StreamingDataSourceBuilder::new()
                .initial_reconnect_delay(Duration::from_millis(100))
                .transport(transport.clone()),
        )
        .event_processor(EventProcessorBuilder::new().transport(transport))
        .build()
        .map_err(|error| error.to_string())?;
    let client = Client::build(built).map_err(|error| error.to_string())?;
    client.start_with_default_executor();
    if client.wait_for_initialization(Duration::from_secs(10)).await != Some(true) {
        return Err("it is not initialized after 10 s".to_owned());
    }
    // It has no listeners.
    changed.tell_always();
    Ok(Launchdarkly(client))
}

impl rust_clients::Client for Launchdarkly {
    async fn detail(&self, flag: &str, fallback: &Value, context: &Value) -> Detail {
        let context: Context = serde_json::from_value(context.clone()).expect("a context");
        let detail = self.0.variation_detail(&context, flag, fallback.clone());
        let detail = serde_json::to_value(detail).expect("JSON");
        Detail {
            value: detail["value"].clone(),
            variation: detail["variationIndex"].as_i64(),
            reason: detail.get("reason").cloned().unwrap_or(json!(null)),
        }
    }

    async fn flush(&self) {
        self.0.flush_blocking(Duration::from_secs(10)).await;
    }

    async fn close(&self) {
        self.0.close();
    }
}

#[tokio::main]
async fn main() {
    drive(connect).await;
}
