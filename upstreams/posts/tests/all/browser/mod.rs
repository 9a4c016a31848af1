//! The web client and GraphiQL in a headless Chromium.
//!
//! Starting a browser takes longer than most of what is tried here, and many at once would be in each
//! other's way: all stories run in one, one after the other, each with people of its own.

mod graphiql;
mod pages;
mod people;
mod phone;
mod posting;
mod screenshots;
mod searching;
mod site;
mod webdriver;

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use serde_json::{Value, json};

use self::site::{PASSWORD, Person, Site};
use self::webdriver::Browser;

/// What can be tried: a name, which is its moral, and how.
type Story = (&'static str, fn(&Browser, &Site));

#[test]
fn the_client_works_in_a_browser() {
    let site = Site::start(&[]);
    let browser = Browser::start(&site.origin);
    let stories = [
        posting::STORIES,
        people::STORIES,
        searching::STORIES,
        pages::STORIES,
        phone::STORIES,
        graphiql::STORIES,
    ];
    let only = std::env::var("STORY").unwrap_or_default();
    let mut failed = Vec::new();
    for (name, story) in stories.into_iter().flatten().filter(|(name, _)| name.contains(&only)) {
        let told = catch_unwind(AssertUnwindSafe(|| {
            browser.forget_all();
            story(&browser, &site);
            assert_eq!(browser.console(), [""; 0], "the console is empty");
        }));
        println!("{name}: {}", if told.is_ok() { "ok" } else { "FAILED" });
        if told.is_err() {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

/// Logs somebody in, by the way of a page that shows nothing of theirs.
fn log_in(browser: &Browser, person: &Person<'_>) {
    let query =
        "mutation($n: String!, $p: String!) { logIn(name: $n, password: $p) { user { id } } }";
    let variables = json!({"n": person.name, "p": PASSWORD});
    browser.open("/web/icon.svg");
    let answer = ask(browser, &json!({"query": query, "variables": variables}));
    assert!(answer["errors"].is_null(), "{answer}");
}

/// What the server says to a page of this browser.
fn ask(browser: &Browser, body: &Value) -> Value {
    let headers = json!({"content-type": "application/json"});
    let init = json!({"method": "POST", "headers": headers, "body": body.to_string()});
    browser.script(&format!("return fetch('/graphql', {init}).then(answer => answer.json())"))
}
