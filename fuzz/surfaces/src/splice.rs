//! The scanner that cuts a provider's answer.

use herd_core::{NotJson, cut_results};
use serde_json::Value;

/// A provider answers with all of `data` but its first byte, which says how many results are wanted.
///
/// What is cut must be what a real parser would cut, and what a real parser takes must be taken.
///
/// # Panics
///
/// Where it is not.
pub fn splice(data: &[u8]) {
    let Some((bound, body)) = data.split_first() else { return };
    let bound = usize::from(*bound) % 8;
    // Half a surrogate pair and a number that is too large for a float are grammatical, and only that.
    let parsed = core::str::from_utf8(body).ok().and_then(|body| {
        serde_json::from_str::<serde::de::IgnoredAny>(body).ok()?;
        Some(serde_json::from_str::<Value>(body).ok())
    });
    match (cut_results(body, bound), parsed) {
        (Err(NotJson::Encoding), _) => assert!(core::str::from_utf8(body).is_err()),
        (Err(NotJson::NotAnObject), Some(value)) => assert!(value.is_none_or(|v| !v.is_object())),
        (Err(_), Some(_)) => panic!("JSON is refused"),
        (Err(_), None) => {}
        (Ok(_), None) => panic!("what is not JSON is taken"),
        (Ok(cuts), Some(value)) => {
            let mut kept = Vec::new();
            let mut at = 0;
            for cut in cuts {
                kept.extend_from_slice(&body[at..cut.start]);
                at = cut.end;
            }
            kept.extend_from_slice(&body[at..]);
            let Some(mut value) = value else { return };
            if let Some(Value::Array(results)) = value.get_mut("results") {
                results.truncate(bound);
            }
            assert_eq!(serde_json::from_slice::<Value>(&kept).expect("it is still JSON"), value);
        }
    }
}
