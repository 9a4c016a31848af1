//! Bad input of every kind gets a clear error with the right status, and nothing changes.

use serde_json::{Value, json};

use crate::harness::{Client, PASSWORD, Site};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

on_both! {
    what_is_no_request_is_refused,
    errors_are_in_words,
    queries_without_end_are_refused,
    fragments_that_multiply_are_refused_at_once,
    long_searches_are_refused,
    what_can_not_be_kept_is_refused,
    names_are_never_sql,
    somebody_else_s_post_stays,
    a_query_that_is_not_in_the_schema_is_refused,
}

fn what_is_no_request_is_refused(site: &Site) {
    let ann = site.sign_up("ann");
    let before = state(&ann);
    let mutation = r#"{"query":"mutation { post(text: \"x\") { id } }"}"#;
    let megabyte = json!({"query": format!("mutation {{ post(text: \"{}\") {{ id }} }}", "x".repeat(1 << 20))});
    let nested = format!("{}1{}", "[".repeat(30_000), "]".repeat(30_000));
    let nested = format!("{{\"query\":\"{{me{{id}}}}\",\"variables\":{{\"a\":{nested}}}}}");
    for (body, headers, status) in [
        ("", JSON, 400),
        ("{", JSON, 400),
        ("null", JSON, 400),
        ("[]", JSON, 400),
        ("\"text\"", JSON, 400),
        ("{}", JSON, 400),
        (r#"{"query": 1}"#, JSON, 400),
        (r#"{"query": "{me{id}}", "variables": "x"}"#, JSON, 400),
        ("[{\"query\":\"{me{id}}\"}]", JSON, 400),
        // Arrays of what an object would hold.
        (r#"["{me{id}}"]"#, JSON, 400),
        (r#"["mutation { post(text: \"x\") { id } }", null, {}]"#, JSON, 400),
        (r#"{"query": "{me{id}}", "variables": []}"#, JSON, 400),
        (r#"{"query": "{me{id}}", "extensions": []}"#, JSON, 400),
        (nested.as_str(), JSON, 400),
        (megabyte.to_string().as_str(), JSON, 413),
        (mutation, &[("content-type", "text/plain")], 415),
        (mutation, &[("content-type", "application/x-www-form-urlencoded")], 415),
        (mutation, &[("content-type", "multipart/form-data; boundary=x")], 415),
        (mutation, &[], 415),
    ] {
        let answer = ann.send(body.as_bytes(), headers);
        let start: String = body.chars().take(60).collect();
        assert_eq!(answer.error(), (status, "INVALID".into()), "{start}");
        assert!(answer.body.len() < 600, "{start}: {} bytes", answer.body.len());
    }
    assert_eq!(ann.send(b"{\"query\":\"\xff\"}", JSON).status, 400);
    assert_eq!(state(&ann), before);
}

fn errors_are_in_words(site: &Site) {
    let client = site.server.client();
    for (body, want) in [
        (r#"{"Mutation":1}"#, "there is no `query` in it"),
        (r#"["{me{id}}"]"#, "it is an array"),
        (r#"{"query":"Mutation"}"#, "at line 1, column 1: expected a query, a mutation"),
        (r#"{"query":"{ me { id }"}"#, "at line 1, column 12: expected"),
    ] {
        let answer = client.send(body.as_bytes(), JSON).json();
        let message = answer["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(want) && !message.contains(" --> "), "{message}");
    }
    let ann = site.sign_up("ann");
    ann.data(r#"mutation { post(text: "\uD83D\uDE00 \u00e9") { id } }"#);
    assert_eq!(ann.texts("posts"), ["😀 é"]);
    // Half of a pair is none.
    assert_eq!(ann.error(r#"mutation { post(text: "\uD83D") { id } }"#), (400, "INVALID".into()));
}

fn queries_without_end_are_refused(site: &Site) {
    let ann = site.sign_up("ann");
    let before = state(&ann);
    let chain = |n: usize| -> String {
        let fragments = (0..n).map(|n| format!("fragment f{n} on User {{ ...f{} }} ", n + 1));
        format!(
            "{{ me {{ ...f0 }} }} {} fragment f{n} on User {{ id }}",
            fragments.collect::<String>()
        )
    };
    for query in [
        "{ me ".repeat(1000),
        format!("{}{}", "{ me ".repeat(1000), "}".repeat(1000)),
        format!(
            "{{ posts(first: {}1{}) {{ nodes {{ id }} }} }}",
            "[".repeat(20_000),
            "]".repeat(20_000)
        ),
        format!("{{ search(near: {}) {{ nodes {{ id }} }} }}", "{a:".repeat(15_000)),
        format!("query($a: {}Int{}) {{ me {{ id }} }}", "[".repeat(20_000), "]".repeat(20_000)),
        format!("{{ me {{ posts {{ nodes {} }} }} }}", nested("author { posts { nodes", "} }", 5)),
        // Few fields, many rows.
        "{ posts(first: 100) { nodes { replies(first: 100) { nodes { id text } } } } }".into(),
        format!(
            "{{ {} }}",
            (0..100).map(|n| format!("a{n}: trending {{ tag }} ")).collect::<String>()
        ),
        format!(
            "mutation {{ {} }}",
            (0..100)
                .map(|n| format!(
                    "a{n}: signUp(name: \"n{n}\", password: \"{PASSWORD}\") {{ token }} "
                ))
                .collect::<String>()
        ),
        chain(1500),
        "fragment a on User { ...b } fragment b on User { ...a } { me { ...a } }".into(),
        format!("{{ me {{ id {} }} }}", "@include(if: true) ".repeat(1000)),
        "subscription { feed { id } }".into(),
    ] {
        let answer = ann.ask(&query, json!({}));
        let start: String = query.chars().take(60).collect();
        assert_eq!(answer.error(), (400, "INVALID".into()), "{start}");
    }
    assert_eq!(state(&ann), before);
    // The schema can still be learnt.
    let of_type = nested("ofType { name", "}", 8);
    ann.data(&format!("{{ __schema {{ types {{ fields {{ args {{ type {{ name ofType {{ name {of_type} }} }} }} }} }} }} }}").replace("{ }", ""));
}

/// Walking them would take longer than anybody lives.
fn fragments_that_multiply_are_refused_at_once(site: &Site) {
    let client = site.server.client();
    for query in [
        multiplying(30, 2),
        multiplying(10, 100),
        format!("query a {{ me {{ id }} }} query b {}", multiplying(30, 2)),
        format!(
            "{{ {} }} fragment f on User {{ {} }}",
            "me { ...f } ".repeat(2500),
            "id ".repeat(8000)
        ),
        // These add nothing to the complexity.
        format!(
            "{{ posts(first: 100) {{ nodes {{ {} }} }} }}",
            (0..3000).map(|n| format!("a{n}: __typename ")).collect::<String>()
        ),
    ] {
        let start: String = query.chars().take(60).collect();
        assert_eq!(client.error(&query), (400, "INVALID".into()), "{start}");
    }
    client.data(&multiplying(4, 2));
}

/// A query with fragments of which each spreads the next a number of times.
pub(crate) fn multiplying(fragments: usize, times: usize) -> String {
    let mut query = format!("{{ {} }} ", "...f0 ".repeat(times));
    for n in 1..fragments {
        let spreads = format!("...f{n} ").repeat(times);
        query += &format!("fragment f{} on Query {{ {spreads} }} ", n - 1);
    }
    query + &format!("fragment f{} on Query {{ __typename }}", fragments - 1)
}

fn long_searches_are_refused(site: &Site) {
    let client = site.server.client();
    let search = |chars: usize| {
        format!("{{ search(query: \"{}\") {{ nodes {{ id }} }} }}", "é".repeat(chars))
    };
    let tagged =
        |chars: usize| format!("{{ tagged(tag: \"{}\") {{ nodes {{ id }} }} }}", "é".repeat(chars));

    client.data(&search(1000));
    assert_eq!(client.error(&search(1001)), (400, "INVALID".into()));
    client.data(&tagged(1800));
    assert_eq!(client.error(&tagged(1801)), (400, "INVALID".into()));
}

fn nested(open: &str, close: &str, times: usize) -> String {
    format!("{} {}", format!("{open} ").repeat(times), close.repeat(times))
}

fn what_can_not_be_kept_is_refused(site: &Site) {
    let ann = site.sign_up("ann");
    let before = state(&ann);
    let post = "mutation($text: String!, $position: PositionInput, $to: ID) \
                { post(text: $text, position: $position, replyTo: $to) { id } }";
    let at = |latitude: f64, longitude: f64| json!({"text": "x", "position": {"latitude": latitude, "longitude": longitude}});
    for (query, variables, status) in [
        (post, at(91.0, 0.0), 400),
        (post, at(-90.000_001, 0.0), 400),
        (post, at(0.0, 180.1), 400),
        (post, at(1e300, 0.0), 400),
        (post, json!({"text": "x", "position": {"latitude": 1}}), 400),
        (post, json!({"text": "x", "position": {"latitude": "1", "longitude": 1}}), 400),
        (post, json!({"text": ""}), 400),
        (post, json!({"text": " \n\u{2003}"}), 400),
        (post, json!({"text": "x".repeat(281)}), 400),
        (post, json!({"text": "x".repeat(60_000)}), 400),
        (post, json!({"text": "a\u{0}b"}), 400),
        (post, json!({"text": null}), 400),
        (post, json!({"text": 1}), 400),
        (post, json!({"text": "x", "to": "1"}), 404),
        (post, json!({"text": "x", "to": "99999999999999999999"}), 404),
        (post, json!({"text": "x", "to": "1 OR 1=1"}), 404),
        ("mutation($b: String) { updateProfile(displayName: $b) { id } }", json!({"b": ""}), 400),
        (
            "mutation($b: String) { updateProfile(displayName: $b) { id } }",
            json!({"b": "\u{0}"}),
            400,
        ),
        ("query { posts(first: 0) { nodes { id } } }", json!({}), 400),
        ("query { posts(first: 101) { nodes { id } } }", json!({}), 400),
        ("query { posts(first: -2147483648) { nodes { id } } }", json!({}), 400),
        ("query { posts(first: 99999999999) { nodes { id } } }", json!({}), 400),
        ("query { posts(after: \"x\") { nodes { id } } }", json!({}), 400),
        (
            "query { search(near: {latitude: 0, longitude: 0, radiusKm: -1}) { nodes { id } } }",
            json!({}),
            400,
        ),
        (
            "query { search(near: {latitude: 91, longitude: 0, radiusKm: 1}) { nodes { id } } }",
            json!({}),
            400,
        ),
        ("mutation { signUp(name: \"x\", password: \"short\") { token } }", json!({}), 400),
    ] {
        let (got, code) = ann.ask(query, variables.clone()).error();
        let start: String = variables.to_string().chars().take(60).collect();
        assert_eq!((got, code == "NOT_FOUND"), (status, status == 404), "{query} {start}");
    }
    assert_eq!(state(&ann), before);
}

fn names_are_never_sql(site: &Site) {
    let ann = site.sign_up("ann");
    let before = state(&ann);
    for name in [
        "'; DROP TABLE users; --",
        "ann' OR '1'='1",
        "ann\u{0}",
        "",
        "än",
        "a b",
        "$1",
        "%",
        "x".repeat(31).as_str(),
        "x".repeat(5000).as_str(),
    ] {
        let variables = json!({"name": name, "password": PASSWORD});
        let sign_up = "mutation($name: String!, $password: String!) { signUp(name: $name, password: $password) { token } }";
        assert_eq!(ann.ask(sign_up, variables).error(), (400, "INVALID".into()), "{name:?}");
        assert_eq!(
            site.server.log_in(name, PASSWORD).error(),
            (401, "UNAUTHENTICATED".into()),
            "{name:?}"
        );
        let variables = json!({"name": name});
        assert_eq!(
            ann.data_with("query($name: String!) { user(name: $name) { id } }", variables.clone())
                ["user"],
            Value::Null
        );
        assert_eq!(
            ann.ask("mutation($name: String!) { follow(name: $name) { id } }", variables.clone())
                .error()
                .0,
            404
        );
        assert_eq!(
            ann.ask("mutation($name: String!) { block(name: $name) { id } }", variables.clone())
                .error()
                .0,
            404
        );
        for query in [
            "query($name: String!) { search(query: $name) { nodes { id } } }",
            "query($name: String!) { tagged(tag: $name) { nodes { id } } }",
        ] {
            let status = ann.ask(query, variables.clone()).status;
            assert!(matches!(status, 200 | 400), "{query} {name:?}: {status}");
        }
    }
    assert_eq!(state(&ann), before);
}

fn somebody_else_s_post_stays(site: &Site) {
    let [ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));
    let post = ann.post("mine");
    let delete = format!("mutation {{ deletePost(id: \"{post}\") }}");

    assert_eq!(bob.error(&delete), (403, "FORBIDDEN".into()));
    assert_eq!(site.server.client().error(&delete), (401, "UNAUTHENTICATED".into()));
    // Several mutations, of which one fails: the others are carried out, each by itself.
    let mixed =
        format!("mutation {{ a: like(id: \"{post}\") {{ id }} b: deletePost(id: \"{post}\") }}");
    let answer = bob.ask(&mixed, json!({}));
    assert_eq!(answer.json()["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer:?}");
    assert_eq!(
        bob.data("{ posts { nodes { likeCount } } }")["posts"]["nodes"],
        json!([{"likeCount": 1}])
    );

    assert_eq!(ann.texts("posts"), ["mine"]);
}

fn a_query_that_is_not_in_the_schema_is_refused(site: &Site) {
    let client = site.server.client();
    for query in [
        "{ nothing }",
        "{ me { id }",
        "{ me { password } }",
        "mutation { drop }",
        "{ user { id } }",
        "query a { me { id } } query b { me { id } }",
    ] {
        assert_eq!(client.error(query), (400, "INVALID".into()), "{query}");
    }
}

/// All that a user could have changed.
fn state(client: &Client) -> Value {
    let me = "me { name displayName bio postCount followerCount followingCount }";
    let mut state = client.data(&format!(
        "{{ {me} posts(first: 100) {{ nodes {{ id text }} }} blocked {{ nodes {{ id }} }} }}"
    ));
    // A mutation may have made somebody.
    let users = client.data("{ a: user(name: \"n0\") { id } b: user(name: \"x\") { id } }");
    state["users"] = users;
    state
}
