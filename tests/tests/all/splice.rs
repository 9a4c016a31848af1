//! The provider's answer passes through character for character, but for the items past the bound.

use herd_tests::{Plan, Runtime, Upstream, on_both};
use serde_json::Value;

on_both!(
    a_bound_cuts_the_items_out_of_the_text,
    a_bound_of_zero_leaves_no_item,
    a_bound_above_what_there_is_changes_nothing,
    spelling_escapes_and_order_stay,
    only_the_outer_results_are_cut,
    results_that_are_there_twice_are_both_cut,
    results_may_hold_anything,
    runs_of_newlines_become_one_and_two_end_the_answer,
    carriage_returns_stay,
    an_object_without_results_passes_unchanged,
    what_the_provider_says_of_itself_passes_unchanged,
);

/// As the provider prints it.
const PLACES: &str = r#"{
   "html_attributions" : [],
   "next_page_token" : "CqQCF[{\"results\" : [1, 2]}]",
   "results" : [
      {
         "name" : "Ackerman, \"Union\" ]}",
         "types" : [ "a", "b" ]
      },
      {
         "name" : "Bruin Café é"
      },
      {
         "name" : "C\\"
      }
   ],
   "status" : "OK"
}
"#;

fn a_bound_cuts_the_items_out_of_the_text(runtime: Runtime) {
    let two = PLACES.replace(",\n      {\n         \"name\" : \"C\\\\\"\n      }", "");
    let one = two.replace(",\n      {\n         \"name\" : \"Bruin Café é\"\n      }", "");
    assert!(one.len() < two.len() && two.len() < PLACES.len());

    assert_eq!(cut(runtime, PLACES, 2), format!("{two}\n"));
    assert_eq!(cut(runtime, PLACES, 1), format!("{one}\n"));
}

fn a_bound_of_zero_leaves_no_item(runtime: Runtime) {
    let (before, rest) = PLACES.split_once("\"results\" : [\n      {").unwrap();
    let (_, after) = rest.split_once("\"C\\\\\"\n      }").unwrap();

    assert_eq!(cut(runtime, PLACES, 0), format!("{before}\"results\" : [{after}\n"));
    assert_eq!(cut(runtime, "{\"results\":[1,2]}", 0), "{\"results\":[]}\n\n");
}

fn a_bound_above_what_there_is_changes_nothing(runtime: Runtime) {
    assert_eq!(cut(runtime, PLACES, 3), format!("{PLACES}\n"));
    assert_eq!(cut(runtime, PLACES, 20), format!("{PLACES}\n"));
    assert_eq!(cut(runtime, "{\"results\":[ ]}", 0), "{\"results\":[ ]}\n\n");
    assert_eq!(cut(runtime, "{\"results\":[ ]}", 5), "{\"results\":[ ]}\n\n");
}

fn spelling_escapes_and_order_stay(runtime: Runtime) {
    let body = r#"{"z":1.50E+02,"results":[ -0.0 ,1e400, "é\u00e9\/\ud83e\udd5d" , null ],"a":[1 , 2],"z":2}"#;

    assert_eq!(
        cut(runtime, body, 3),
        "{\"z\":1.50E+02,\"results\":[ -0.0 ,1e400, \"é\\u00e9\\/\\ud83e\\udd5d\" ],\"a\":[1 , 2],\"z\":2}\n\n"
    );
}

fn only_the_outer_results_are_cut(runtime: Runtime) {
    let body =
        r#"{"a":{"results":[1,2,3]},"results":[{"results":[4,5]},6],"b":"\"results\":[7,8]"}"#;

    assert_eq!(
        cut(runtime, body, 1),
        "{\"a\":{\"results\":[1,2,3]},\"results\":[{\"results\":[4,5]}],\"b\":\"\\\"results\\\":[7,8]\"}\n\n"
    );
}

fn results_that_are_there_twice_are_both_cut(runtime: Runtime) {
    let body = "{\"results\":[1,2],\"a\":[3,4],\"results\":[5,6]}";
    assert_eq!(cut(runtime, body, 1), "{\"results\":[1],\"a\":[3,4],\"results\":[5]}\n\n");
}

fn results_may_hold_anything(runtime: Runtime) {
    let body = r#"{"results":[[],[[1,2],3],{},"a,b",1,true,null]}"#;

    assert_eq!(cut(runtime, body, 2), "{\"results\":[[],[[1,2],3]]}\n\n");
    assert_eq!(cut(runtime, body, 4), "{\"results\":[[],[[1,2],3],{},\"a,b\"]}\n\n");
    assert_eq!(cut(runtime, body, 7), format!("{body}\n\n"));
}

fn runs_of_newlines_become_one_and_two_end_the_answer(runtime: Runtime) {
    let body = "\n\n{\n\n\n\"results\":\n\n[1,\n\n2\n\n\n,3\n]\n}\n\n\n\n";

    assert_eq!(cut(runtime, body, 3), "{\n\"results\":\n[1,\n2\n,3\n]\n}\n\n");
    assert_eq!(cut(runtime, body, 1), "{\n\"results\":\n[1\n]\n}\n\n");
    // Where the cut brings two together.
    assert_eq!(cut(runtime, "{\"results\":[\n1,\n2\n]}", 0), "{\"results\":[\n]}\n\n");
}

fn carriage_returns_stay(runtime: Runtime) {
    assert_eq!(cut(runtime, "{\r\n\"results\":[]\r\n}", 5), "{\r\n\"results\":[]\r\n}\n\n");
}

fn an_object_without_results_passes_unchanged(runtime: Runtime) {
    for body in [
        "{}",
        r#"{"a":[1,2]}"#,
        r#"{"results":{"a":[1,2]}}"#,
        r#"{"results":null}"#,
        r#"{"results":"[1,2]"}"#,
    ] {
        assert_eq!(cut(runtime, body, 0), format!("{body}\n\n"));
    }
}

fn what_the_provider_says_of_itself_passes_unchanged(runtime: Runtime) {
    for status in ["ZERO_RESULTS", "OVER_QUERY_LIMIT", "REQUEST_DENIED", "INVALID_REQUEST"] {
        let body = format!(
            "{{\n   \"error_message\" : \"Whatever.\",\n   \"results\" : [],\n   \"status\" : \"{status}\"\n}}\n"
        );
        assert_eq!(cut(runtime, &body, 5), format!("{body}\n"));
    }
}

/// What a client gets that asks for `bound` items of a provider that says `body`.
#[track_caller]
fn cut(runtime: Runtime, body: &str, bound: u32) -> String {
    let upstream = Upstream::serving(body);
    let hill = Plan::alone(runtime).upstream(&upstream).start_one();
    let mut client = hill.client();
    client.ask("IAMAT kiwi +34.0-118.4 1520023934.5");
    client.send(format!("WHATSAT kiwi 10 {bound}\n"));
    client.finish();
    client.line();
    let answer = client.rest_text();
    let parsed = serde_json::from_str::<Box<serde_json::value::RawValue>>(&answer);
    assert!(parsed.is_ok(), "no JSON: {answer}");
    if let Ok(Value::Object(object)) = serde_json::from_str(&answer)
        && let Some(Value::Array(results)) = object.get("results")
    {
        assert!(results.len() <= usize::try_from(bound).unwrap());
    }
    answer
}
