//! On a phone, and what has to be seen and heard by everybody.

use serde_json::{Value, json};

use super::Story;
use super::site::Site;
use super::webdriver::Browser;

pub(super) const STORIES: &[Story] = &[
    ("results come into sight on a phone", results_come_into_sight),
    ("what trends is there on narrow pages", trends_are_there),
    ("a toast can be read in both colours", toasts_can_be_read),
    ("an error stands at its field", errors_stand_at_their_fields),
    ("who and what is not there is not found", nothing_is_not_found),
    ("texts are linked as the server reads them", texts_are_linked),
    ("live updates that stopped are said to have", stopped_updates_are_said),
];

const MAP: &str = "return document.querySelector('canvas[data-is-loaded=true]')";

fn on_a_phone(browser: &Browser, story: impl FnOnce()) {
    browser.resize(390, 844);
    story();
    browser.resize(1200, 900);
}

fn results_come_into_sight(browser: &Browser, site: &Site) {
    site.person("nomad").posts_at("Sand, sand, sand", 25.0, 0.0);
    on_a_phone(browser, || {
        browser.open("/search?km=300");
        browser.wait_until("the map", MAP);
        let zoom =
            || browser.find("canvas").attribute("data-zoom").unwrap().parse::<f64>().unwrap();
        let before = zoom();
        // All of the world is on the map: it is as wide as the map, or less.
        let width = browser.script("return document.querySelector('canvas').clientWidth");
        assert!(256.0 * before.exp2() <= width.as_f64().unwrap() + 1.0, "{before} {width}");

        browser.find("canvas").click_at(0, 0);

        browser.find_with(".search__count", "1 post");
        browser.find_with(".post__text", "Sand");
        let is_in_sight = "const box = document.querySelector('.search__count').getBoundingClientRect(); \
            return box.top >= 0 && box.bottom < innerHeight - 200";
        browser.wait_until("the number of results is in sight", is_in_sight);
        // The circle is wide enough on the map to be seen.
        browser.wait_until(
            "the map is near",
            &format!(
                "return Number(document.querySelector('canvas').dataset.zoom) > {}",
                before + 1.0
            ),
        );
        // By words, too.
        browser.script("scrollTo(0, 0)");
        browser.fill("[name=q]", "sand\u{e007}");
        browser.find_with(".search__count", "1 post");
        browser.wait_until("the number of results is in sight", is_in_sight);
    });
}

fn trends_are_there(browser: &Browser, site: &Site) {
    site.person("trendy").posts("#trendingonphones");
    on_a_phone(browser, || {
        browser.open("/");
        browser.find(".trend a");
        browser.wait_until(
            "it is seen",
            "return document.querySelector('.trend a').checkVisibility()",
        );
        assert_eq!(
            browser.script("return document.body.scrollWidth - document.body.clientWidth"),
            0
        );
    });
}

fn toasts_can_be_read(browser: &Browser, site: &Site) {
    site.person("toasted").posts("like this");
    for is_dark in [false, true] {
        browser.set_dark(is_dark);
        browser.open("/@toasted");
        browser.click(".action--like");
        browser.find_with(".toast a", "Log in");
        let contrast = browser.script(
            "const light = (css) => { \
                const [r, g, b] = css.match(/[\\d.]+/g).map(Number) \
                    .map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); \
                return 0.2126 * r + 0.7152 * g + 0.0722 * b; }; \
             const link = document.querySelector('.toast a'); \
             const [a, b] = [getComputedStyle(link).color, getComputedStyle(link.parentElement).backgroundColor].map(light); \
             return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)",
        );
        assert!(contrast.as_f64().unwrap() >= 4.5, "{contrast} (dark: {is_dark})");
    }
    browser.set_dark(false);
}

fn errors_stand_at_their_fields(browser: &Browser, site: &Site) {
    site.person("first_come");
    for (name, password, field, words) in [
        ("first_come", "correct horse", "name", "taken"),
        ("no name", "correct horse", "name", "letters"),
        ("second_come", "short", "password", "8 to 128"),
    ] {
        browser.open("/signup");
        browser.fill("[name=name]", name);
        browser.fill("[name=password]", password);
        browser.find_with("form button", "Sign up").click();

        browser.find_with(&format!("[name={field}] ~ .field__fault"), words);
        let state = "const field = document.activeElement; const at = field.getAttribute('aria-describedby').split(' '); \
            return [field.name, field.getAttribute('aria-invalid'), at.map(id => document.getElementById(id)?.textContent ?? '').join()]";
        let state = browser.script(state);
        assert_eq!((&state[0], &state[1]), (&json!(field), &json!("true")), "{name}: {state}");
        assert!(state[2].as_str().unwrap().contains(words), "{state}");
    }
    // What was refused is told by the browser, too.
    browser.console();
}

fn nothing_is_not_found(_: &Browser, site: &Site) {
    let post = site.person("is_there").posts("here");
    for (path, status) in [
        ("/@is_there", 200),
        ("/@IS_THERE/followers", 200),
        (&format!("/post/{post}"), 200),
        ("/@nobody_at_all", 404),
        ("/@nobody_at_all/followers", 404),
        ("/@%C3%A9", 404),
        ("/post/1", 404),
        ("/post/x", 404),
        ("/post/99999999999999999999", 404),
    ] {
        assert_eq!(site.page(path).0, status, "{path}");
    }
}

fn texts_are_linked(browser: &Browser, site: &Site) {
    let text = "\u{2764}\u{fe0f}#kiwi #gel·lat の@bobに RT@ann @ſam #\u{fe0f}\u{20e3}abc 中国語http://t.co/a。 \
                (http://x.org/a_(b)). #http://y.org http://nodot";
    let id = site.person("linker").posts(text);
    browser.open(&format!("/post/{id}"));
    browser.find_with(".post__text", "gel·lat");

    let links = browser
        .script("return [...document.querySelectorAll('.post__text a')].map(a => a.textContent)");

    let want = ["#kiwi", "#gel·lat", "@bob", "@ann", "http://t.co/a", "http://x.org/a_(b)"];
    assert_eq!(links, json!(want));
    let asked = super::ask(
        browser,
        &json!({"query": format!("{{ post(id: \"{id}\") {{ hashtags mentions }} }}")}),
    );
    assert_eq!(
        asked["data"]["post"],
        json!({"hashtags": ["kiwi", "gel·lat"], "mentions": ["bob", "ann"]})
    );
}

fn stopped_updates_are_said(browser: &Browser, _: &Site) {
    browser.open("/");
    browser.find(".list");
    let is_hidden = || browser.script("return document.querySelector('.list__stopped').hidden");
    assert_eq!(is_hidden(), Value::Bool(true));
    // From here on no connection can be made, and the one that there is goes.
    browser.script(
        "window.RealSocket = WebSocket; \
         window.WebSocket = class extends RealSocket { constructor() { super('ws://127.0.0.1:9/'); } }; \
         window.WebSocket.CONNECTING = 0; \
         dispatchEvent(new Event('offline'))",
    );

    browser.wait_until("it is said", "return !document.querySelector('.list__stopped').hidden");

    browser.script("window.WebSocket = window.RealSocket; dispatchEvent(new Event('online'))");
    browser.wait_until("it is back", "return document.querySelector('.list__stopped').hidden");
    browser.console();
}
