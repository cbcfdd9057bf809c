//! open-feature with open-feature-ofrep: every evaluation is a request.

use open_feature::{
    Client, EvaluationContext, EvaluationDetails, EvaluationErrorCode, EvaluationResult, OpenFeature,
    StructValue,
};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use rust_clients::{Changed, Config, Detail, drive};
use serde_json::{Map, Value, json};

struct OpenFeatures(Client);

async fn connect(config: Config, changed: Changed) -> Result<OpenFeatures, String> {
    let bearer = HeaderValue::from_str(&format!("Bearer {}", config.credential));
    let bearer = bearer.map_err(|error| error.to_string())?;
    let options = OfrepOptions {
        base_url: config.url,
        headers: HeaderMap::from_iter([(AUTHORIZATION, bearer)]),
        ..OfrepOptions::default()
    };
    let provider = OfrepProvider::new(options).await.map_err(|error| error.to_string())?;
    let mut api = OpenFeature::singleton_mut().await;
    api.set_provider(provider).await;
    // It has no listeners.
    changed.tell_always();
    Ok(OpenFeatures(api.create_client()))
}

/// OpenFeature's form of a context of one user; it takes no objects.
fn context_of(context: &Value) -> EvaluationContext {
    let mut out = EvaluationContext::default();
    for (name, value) in context.as_object().expect("a context") {
        let text = value.as_str().expect("text");
        out = if name == "key" { out.with_targeting_key(text) } else { out.with_custom_field(name, text) };
    }
    out
}

fn json_of(value: &open_feature::Value) -> Value {
    use open_feature::Value as Given;
    match value {
        Given::Bool(truth) => json!(truth),
        Given::Int(number) => json!(number),
        Given::Float(number) => json!(number),
        Given::String(text) => json!(text),
        Given::Array(items) => items.iter().map(json_of).collect(),
        Given::Struct(fields) => json_of_struct(fields),
    }
}

fn json_of_struct(given: &StructValue) -> Value {
    given.fields.iter().map(|(name, value)| (name.clone(), json_of(value))).collect::<Map<_, _>>().into()
}

fn detail<T>(
    found: EvaluationResult<EvaluationDetails<T>>,
    fallback: &Value,
    json: fn(T) -> Value,
) -> Detail {
    match found {
        Ok(found) => Detail {
            value: json(found.value),
            variation: found.variant.and_then(|variant| variant.parse().ok()),
            reason: Value::Null,
        },
        Err(error) => {
            if let EvaluationErrorCode::General(what) = &error.code {
                eprintln!("{what}: {:?}", error.message);
            }
            Detail { value: fallback.clone(), variation: None, reason: Value::Null }
        }
    }
}

impl rust_clients::Client for OpenFeatures {
    async fn detail(&self, flag: &str, fallback: &Value, context: &Value) -> Detail {
        let context = context_of(context);
        let (client, context) = (&self.0, Some(&context));
        match fallback {
            Value::Null | Value::Bool(_) => {
                detail(client.get_bool_details(flag, context, None).await, fallback, |truth| json!(truth))
            }
            Value::Number(_) => {
                detail(client.get_float_details(flag, context, None).await, fallback, |number| json!(number))
            }
            Value::String(_) => {
                detail(client.get_string_details(flag, context, None).await, fallback, |text| json!(text))
            }
            Value::Array(_) | Value::Object(_) => {
                let found = client.get_struct_details::<StructValue>(flag, context, None).await;
                detail(found, fallback, |fields| json_of_struct(&fields))
            }
        }
    }

    async fn flush(&self) {}

    async fn close(&self) {}
}

#[tokio::main]
async fn main() {
    drive(connect).await;
}
