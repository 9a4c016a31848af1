//! Log-in, its limits, tokens and cookies.

use serde_json::{Value, json};

use crate::harness::{Answer, PASSWORD, Server, Site};

on_both! {
    a_token_works_until_log_out,
    tokens_that_are_forged_or_have_expired_are_refused,
    a_cookie_is_as_good_as_a_token_and_hidden_from_scripts,
    the_database_knows_neither_passwords_nor_tokens,
    guessing_a_password_slows_down_the_guesser_and_nobody_else,
    a_log_in_that_came_to_no_end_is_soon_forgotten,
    guessing_names_ends_after_twenty,
    a_right_password_clears_the_count,
}

fn a_token_works_until_log_out(site: &Site) {
    let mut ann = site.sign_up("ann");
    let second = ann.token.clone();
    ann.token = token(&site.server.log_in("ANN", PASSWORD));

    assert_eq!(ann.data("mutation { logOut }")["logOut"], true);

    assert_eq!(ann.error("{ me { id } }"), (401, "UNAUTHENTICATED".into()));
    ann.token = second;
    assert_eq!(ann.data("{ me { name } }")["me"]["name"], "ann", "another session goes on");
    assert_eq!(site.server.client().data("mutation { logOut }")["logOut"], false);
}

fn tokens_that_are_forged_or_have_expired_are_refused(site: &Site) {
    let mut ann = site.sign_up("ann");
    let good = ann.token.clone().unwrap();
    let changed = format!("{}{}", if good.starts_with('A') { 'B' } else { 'A' }, &good[1..]);
    for bad in ["", "x", &"A".repeat(43), &changed, "' OR 1=1 --", &"x".repeat(5000)] {
        ann.token = Some(bad.to_owned());
        let answer = ann.ask("mutation { post(text: \"x\") { id } }", json!({}));
        assert_eq!(answer.error(), (401, "UNAUTHENTICATED".into()), "{bad}");
    }
    ann.token = Some(good);
    assert_eq!(ann.texts("feed"), Vec::<String>::new());

    site.sql("UPDATE sessions SET expires_at = 1");

    assert_eq!(ann.error("mutation { post(text: \"x\") { id } }"), (401, "UNAUTHENTICATED".into()));
    ann.token = token(&site.server.log_in("ann", PASSWORD));
    assert_eq!(ann.texts("feed"), Vec::<String>::new());
}

fn a_cookie_is_as_good_as_a_token_and_hidden_from_scripts(site: &Site) {
    site.sign_up("ann");
    let log_in = site.server.log_in("ann", PASSWORD);
    let cookie = log_in.header("set-cookie").unwrap().to_owned();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000");

    let client = site.server.client();
    let ask = |query: &str, headers: &[(&str, &str)]| {
        client.send(json!({"query": query}).to_string().as_bytes(), headers)
    };
    let json_type = ("content-type", "application/json");
    let me = ask("{ me { name } }", &[json_type, ("cookie", &format!("a=b; {pair}"))]);
    assert_eq!(me.json()["data"]["me"]["name"], "ann");
    // What a form on another page can send.
    let forged = ask(
        "mutation { post(text: \"x\") { id } }",
        &[("content-type", "text/plain"), ("cookie", pair)],
    );
    assert_eq!(forged.status, 415);

    let out = ask("mutation { logOut }", &[json_type, ("cookie", pair)]);
    assert_eq!(
        out.header("set-cookie"),
        Some("herd_session=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0")
    );
    // A browser goes on with a cookie that is no good, as somebody who is not logged in.
    let later = ask("{ me { name } }", &[json_type, ("cookie", pair)]);
    assert_eq!((later.status, &later.json()["data"]["me"]), (200, &Value::Null));
    assert_eq!(ask("{ feed { nodes { id } } }", &[json_type, ("cookie", pair)]).status, 401);

    let https = &[json_type, ("x-forwarded-proto", "https")][..];
    let query =
        format!("mutation {{ logIn(name: \"ann\", password: \"{PASSWORD}\") {{ token }} }}");
    assert!(!ask(&query, https).header("set-cookie").unwrap().contains("Secure"));
    let proxied = site.another(&["--trust-proxy"]);
    let behind_proxy = proxied.client();
    let answer = behind_proxy.send(json!({"query": query}).to_string().as_bytes(), https);
    assert!(answer.header("set-cookie").unwrap().ends_with("; Secure"));
}

fn the_database_knows_neither_passwords_nor_tokens(site: &Site) {
    let other = site.another(&["--log-statements"]);
    let [ann, bob] = ["ann", "bob"].map(|name| other.sign_up(name));
    bob.post("a text of mine");
    let log = other.program.stderr();

    assert!(log.contains("INSERT INTO sessions"), "{log}");
    for secret in [PASSWORD, bob.token.as_deref().unwrap(), "a text of mine"] {
        assert!(!log.contains(secret), "{secret}");
    }
    // Whoever reads the table of sessions can not log in by what is there.
    site.sql(
        "UPDATE users SET bio = (SELECT token_hash FROM sessions s WHERE s.user_id = users.id)",
    );
    let hash = ann.data("{ me { bio } }")["me"]["bio"].as_str().unwrap().to_owned();
    assert_eq!(hash.len(), 64);
    let mut thief = ann;
    for stolen in [&hash, &hash[..43]] {
        thief.token = Some(stolen.to_owned());
        assert_eq!(thief.error("{ me { id } }").0, 401);
    }
    site.sql("UPDATE users SET bio = password_hash");
    let hash = bob.data("{ me { bio } }")["me"]["bio"].as_str().unwrap().to_owned();
    assert!(hash.starts_with("$argon2id$"), "{hash}");
}

fn guessing_a_password_slows_down_the_guesser_and_nobody_else(site: &Site) {
    site.sign_up("ann");
    site.sign_up("bob");
    // Two servers share the count.
    let mut servers = vec![site.another(&["--trust-proxy"])];
    if site.database.starts_with("postgres") {
        servers.push(site.another(&["--trust-proxy"]));
    }
    let [guesser, ann] = ["192.0.2.7", "192.0.2.8"].map(|address| servers[0].client_at(address));
    let wrong = (401, "UNAUTHENTICATED".into());
    for n in 0..5 {
        let guesser = servers[n % servers.len()].client_at("192.0.2.7");
        assert_eq!(guesser.log_in("Ann", "wrong password").error(), wrong);
    }

    let refused = guesser.log_in("ann", PASSWORD);
    assert_eq!(refused.error(), (429, "TOO_MANY".into()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(ann.log_in("ann", PASSWORD).status, 200, "from elsewhere");
    assert_eq!(guesser.log_in("bob", PASSWORD).status, 200, "another name");

    // Each further failure doubles the wait.
    for seconds in ["2", "4", "8"] {
        site.sql("UPDATE login_failures SET failed_at = failed_at - 10000");
        assert_eq!(guesser.log_in("ann", "wrong password").error(), wrong);
        let refused = guesser.log_in("ann", PASSWORD);
        assert_eq!(refused.header("retry-after"), Some(seconds), "{refused:?}");
    }
    site.sql("UPDATE login_failures SET failed_at = failed_at - 10000");
    assert_eq!(guesser.log_in("ann", PASSWORD).status, 200);
    // A right password clears the count.
    for _ in 0..5 {
        assert_eq!(guesser.log_in("ann", "wrong password").error(), wrong);
    }
}

/// A request may be given up, or the program end, before a password was looked at.
fn a_log_in_that_came_to_no_end_is_soon_forgotten(site: &Site) {
    site.sign_up("ann");
    assert_eq!(site.server.log_in("ann", "wrong password").status, 401);
    // What such an attempt leaves behind: it counts for ten seconds.
    for id in 0..30 {
        site.sql(&format!(
            "INSERT INTO login_failures SELECT {id}, key, failed_at - 890000 FROM login_failures WHERE id > 100 AND key LIKE 'pair%'"
        ));
    }
    assert_eq!(site.server.log_in("ann", PASSWORD).status, 429);
    site.sql("UPDATE login_failures SET failed_at = failed_at - 10000");
    assert_eq!(site.server.log_in("ann", PASSWORD).status, 200);
}

fn guessing_names_ends_after_twenty(site: &Site) {
    site.sign_up("ann");
    for n in 0..20 {
        let name = if n == 7 { "no name".to_owned() } else { format!("nobody{n}") };
        assert_eq!(site.server.log_in(&name, PASSWORD).status, 401, "{n}");
    }

    assert_eq!(site.server.log_in("ann", PASSWORD).error(), (429, "TOO_MANY".into()));

    // An address that only a trusted proxy may tell is not believed of anybody else.
    let body = json!({"query": format!("mutation {{ logIn(name: \"ann\", password: \"{PASSWORD}\") {{ token }} }}")});
    let send = |server: &Server, lines: &[&str]| {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(lines.iter().map(|line| ("x-forwarded-for", *line)));
        server.client().send(body.to_string().as_bytes(), &headers).status
    };
    assert_eq!(send(&site.server, &["192.0.2.7"]), 429);
    let proxied = site.another(&["--trust-proxy"]);
    // A proxy adds what it has seen to the line of the client, or as a line of its own; some with a port.
    for lines in [
        &["127.0.0.1, 192.0.2.7"][..],
        &["127.0.0.1", "192.0.2.7"],
        &["127.0.0.1, 192.0.2.7:5678"],
        &["[2001:db8::1]:5678"],
        &["2001:db8::1"],
    ] {
        assert_eq!(send(&proxied, lines), 200, "{lines:?}");
    }
    // Of what the client itself has sent nothing counts.
    for lines in [&["192.0.2.8", "192.0.2.9, 127.0.0.1"][..], &["192.0.2.9, 127.0.0.1:80"]] {
        assert_eq!(send(&proxied, lines), 429, "{lines:?}");
    }
}

fn a_right_password_clears_the_count(site: &Site) {
    site.sign_up("ann");
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(site.server.log_in("ann", "wrong password").status, 401);
        }
        assert_eq!(site.server.log_in("ann", PASSWORD).status, 200);
    }
}

fn token(answer: &Answer) -> Option<String> {
    Some(answer.json()["data"]["logIn"]["token"].as_str()?.to_owned())
}
