//! The pictures of `docs/posts`: the pages as the demo fills them.
//!
//! `cargo test --release -p herd-posts --test all -- --ignored screenshots` makes them anew. Debian's
//! `pngquant` makes them small and `fonts-inter` gives them their letters, where they are installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::log_in;
use super::site::Site;
use super::webdriver::Browser;

/// The most bytes of a picture.
const MAX_BYTES: u64 = 150 * 1024;

/// Where the demo is the busiest: `latitude, longitude` of a campus in Los Angeles.
const CAMPUS: &str = "lat=34.0689&lng=-118.4451&km=60";

#[test]
#[ignore = "writes the pictures of the documentation"]
fn screenshots() {
    let site = Site::start(&["--demo"]);
    let browser = Browser::start(&site.origin);
    browser.resize(1200, 860);

    browser.open("/");
    shoot(&browser, "latest");
    for page in ["login", "signup", "about"] {
        browser.open(&format!("/{page}"));
        shoot(&browser, page);
    }

    let me = site.person("joan");
    me.describes("Joan Kiwi", "Here to try things. Los Angeles, sometimes.");
    let known = site.authors();
    for name in &known {
        me.follows(name);
    }
    log_in(&browser, &me);
    browser.open("/feed");
    browser.fill("textarea", "Good morning from the hill, @joan! #kiwi #morning");
    browser.find_with(".composer button", "Place").click();
    browser.fill("[name=latitude]", "34.0689");
    browser.fill("[name=longitude]", "-118.4451\u{e004}");
    browser.find(".chip");
    shoot(&browser, "composer");
    browser.find_with(".composer button", "Post").click();
    browser.find_with(".post__text", "Good morning from the hill");
    browser.open("/feed");
    shoot(&browser, "feed");
    browser.set_dark(true);
    shoot(&browser, "feed-dark");
    browser.set_dark(false);

    for (name, text) in
        [("ravi", "Welcome @joan! Seen the squirrels yet?"), ("mina", "@joan see you at #bluemoon")]
    {
        site.person(name).posts_at(text, 34.07, -118.44);
    }
    browser.open("/mentions");
    shoot(&browser, "mentions");
    browser.open(&format!("/search?{CAMPUS}"));
    shoot(&browser, "search");
    browser.open(&format!("/@{}", known[0]));
    shoot(&browser, "profile");
    browser.open(&format!("/@{}/followers", known[0]));
    shoot(&browser, "followers");
    let id = site.post_with_replies();
    browser.open(&format!("/post/{id}"));
    shoot(&browser, "post");
    browser.open("/");
    browser.find(".trend a").click();
    shoot(&browser, "tag");
    browser.open("/nowhere");
    shoot(&browser, "not-found");

    browser.resize(390, 800);
    browser.open("/");
    shoot(&browser, "latest-phone");
    browser.open(&format!("/search?{CAMPUS}"));
    shoot(&browser, "search-phone");

    browser.resize(1200, 860);
    browser.open("/graphql");
    browser.find(".graphiql-query-editor .CodeMirror");
    browser.click(".graphiql-execute-button");
    browser.find_with(".result-window", "\"trending\"");
    shoot(&browser, "graphiql");
}

fn shoot(browser: &Browser, name: &str) {
    browser.wait_gone("main", "Loading …");
    let is_drawn = "return [...document.querySelectorAll('canvas')].every(map => map.dataset.isLoaded === 'true') \
        && new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";
    browser.wait_until("the maps are drawn", is_drawn);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/posts/{name}.png"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, BASE64_STANDARD.decode(browser.screenshot()).unwrap()).unwrap();
    let quantized =
        Command::new("pngquant").args(["--force", "--strip", "--ext", ".png"]).arg(&file).status();
    assert!(quantized.is_ok_and(|status| status.success()), "pngquant is installed");
    let bytes = fs::metadata(&file).unwrap().len();
    assert!(bytes <= MAX_BYTES, "{name} has {bytes} bytes");
}
