//! Writing posts, and what people do with them.

use super::site::Site;
use super::webdriver::Browser;
use super::{Story, log_in};

pub(super) const STORIES: &[Story] = &[
    ("a post with a place picked on the map is in the feed", a_place_is_picked),
    ("a post of somebody else arrives while the feed is open", a_post_arrives),
    ("a script in a post is text", a_script_is_text),
    ("a post is liked, reposted, answered", a_post_is_liked_reposted_answered),
    ("who wrote a post can delete it", a_post_is_deleted),
    ("a post that is too long is not sent", a_post_is_too_long),
    ("a list grows page by page", a_list_grows),
];

fn a_place_is_picked(browser: &Browser, site: &Site) {
    log_in(browser, &site.person("picker"));
    browser.open("/feed");
    browser.fill("textarea", "Here I am #picked");
    browser.find_with(".composer button", "Place").click();
    browser.wait_until(
        "the map is there",
        "return document.querySelector('canvas[data-is-loaded=true]')",
    );
    // From Greenwich, where maps begin, to the west.
    browser.find("canvas").click_at(-120, 0);

    let longitude =
        browser.wait_until("a place", "return document.querySelector('[name=longitude]').value");
    let longitude: f64 = longitude.as_str().unwrap().parse().unwrap();
    assert!((-90.0..-60.0).contains(&longitude), "{longitude}");
    browser.find_with(".composer button", "Post").click();

    let place = browser.find(".list .post .post__place");
    assert!(place.text().contains(&format!("{:.2}° W", -longitude)), "{}", place.text());
    browser.open("/feed");
    assert!(browser.find(".list .post .post__text").text().contains("Here I am #picked"));
    assert_eq!(browser.find(".post__place").text(), format_place(&place_of(browser)));
}

/// The place of the first post, as the server gives it.
fn place_of(browser: &Browser) -> (f64, f64) {
    let body = serde_json::json!({"query": "{ posts(first: 1) { nodes { position { latitude longitude } } } }"});
    let position = &super::ask(browser, &body)["data"]["posts"]["nodes"][0]["position"];
    (position["latitude"].as_f64().unwrap(), position["longitude"].as_f64().unwrap())
}

fn format_place(&(latitude, longitude): &(f64, f64)) -> String {
    let (north, east) =
        (if latitude < 0.0 { "S" } else { "N" }, if longitude < 0.0 { "W" } else { "E" });
    format!("{:.2}° {north}, {:.2}° {east}", latitude.abs(), longitude.abs())
}

fn a_post_arrives(browser: &Browser, site: &Site) {
    let (reader, writer) = (site.person("reader"), site.person("writer"));
    reader.follows("writer");
    log_in(browser, &reader);
    browser.open("/feed");
    browser.find_with(".empty", "Here you will see");
    // Whoever posts before the feed listens is in its first page, as that is asked for later.
    listens(browser);

    writer.posts("the first");
    browser.find_with(".list__new", "Show 1 new post");
    writer.posts("the second");
    browser.find_with(".list__new", "Show 2 new posts").click();

    assert!(browser.find(".post .post__text").text().contains("the second"));
    browser.wait_gone(".list__new:not([hidden])", "");
    browser.find_with(".post .post__text", "the first");
}

/// Waits until the subscription of the page has begun, which nothing on the page tells: a post of our own
/// comes back by it.
fn listens(browser: &Browser) {
    let script = "return fetch('/graphql', {method: 'POST', headers: {'content-type': 'application/json'}, \
        body: JSON.stringify({query: 'mutation { post(text: \"does it listen?\") { id } }'})}) \
        .then(() => new Promise(done => setTimeout(done, 250))) \
        .then(() => !document.querySelector('.list__new').hidden)";
    browser.wait_until("the feed listens", script);
    browser.click(".list__new");
    browser.wait_gone(".list__new:not([hidden])", "");
}

fn a_script_is_text(browser: &Browser, site: &Site) {
    let mallory = site.person("mallory");
    let attack = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>";
    let id = mallory.posts(&format!(
        "{attack} #<b>bold</b> javascript:alert(1) https://a.example/\"onclick=\"x"
    ));
    for page in ["/", "/@mallory", &format!("/post/{id}"), "/search?q=from:mallory"] {
        browser.open(page);

        let text = browser.find_with(".post__text", "<script>").text();
        assert!(text.starts_with(attack), "{page}: {text}");
        assert_eq!(browser.script("return window.hacked ?? 0"), 0, "{page}");
        let made = "return document.querySelectorAll('main script, main img, main b, [onclick], [onerror]').length";
        assert_eq!(browser.script(made), 0, "{page}");
        let bad_links =
            "return [...document.links].filter(link => !/^https?:/.test(link.protocol)).length";
        assert_eq!(browser.script(bad_links), 0, "{page}");
    }
}

fn a_post_is_liked_reposted_answered(browser: &Browser, site: &Site) {
    let (author, fan) = (site.person("author"), site.person("fan"));
    let id = author.posts("Something to like");
    log_in(browser, &fan);
    browser.open(&format!("/post/{id}"));

    browser.click(".post--main .action--like");
    browser.click(".post--main .action--repost");
    browser.fill("textarea", "I like it");
    browser.find_with(".composer button", "Reply").click();
    browser.find_with(".list .post .post__text", "I like it");

    browser.open(&format!("/post/{id}"));
    for (kind, label) in [("like", "Like, 1 so far"), ("repost", "Repost, 1 so far")] {
        let button = browser.find(&format!(".post--main .action--{kind}[aria-pressed=true]"));
        assert_eq!(button.attribute("aria-label").unwrap(), label);
    }
    browser.find(".post--main a[aria-label='Reply, 1 so far']");
    browser.find_with(".list .post .post__text", "I like it");
    browser.open("/@fan");
    browser.find_with(".post__why", "reposted");

    browser.open(&format!("/post/{id}"));
    browser.click(".post--main .action--like");
    browser
        .find(".post--main .action--like[aria-pressed=false][aria-label='Like, 0 so far']:enabled");
    browser.open(&format!("/post/{id}"));
    browser.find(".post--main .action--like[aria-pressed=false][aria-label='Like, 0 so far']");
}

fn a_post_is_deleted(browser: &Browser, site: &Site) {
    let sorry = site.person("sorry");
    let id = sorry.posts("I should not have said that");
    log_in(browser, &sorry);
    browser.open("/@sorry");
    browser.click(".post .action--delete");
    browser.find_with("dialog button", "Cancel").click();
    browser.wait_gone("dialog", "");
    browser.find_with(".post__text", "should not");

    browser.click(".post .action--delete");
    browser.find_with("dialog button", "Delete").click();

    browser.wait_gone(".post__text", "should not");
    browser.open(&format!("/post/{id}"));
    browser.find_with(".empty", "may have been deleted");
    // The status of that page is 404, which the browser tells.
    browser.console();
}

fn a_post_is_too_long(browser: &Browser, site: &Site) {
    log_in(browser, &site.person("longwinded"));
    browser.open("/feed");
    let set = |length: usize| {
        let script = format!(
            "const t = document.querySelector('textarea'); t.value = 'é'.repeat({length}); t.dispatchEvent(new Event('input'))"
        );
        browser.find("textarea");
        browser.script(&script);
    };

    set(280);
    assert_eq!(browser.find(".composer__count").text(), "0");
    browser.find(".composer button.primary:enabled");
    set(281);
    assert_eq!(browser.find(".composer__count").text(), "-1");
    browser.find(".composer button.primary:disabled");
}

fn a_list_grows(browser: &Browser, site: &Site) {
    let busy = site.person("busy");
    for number in 1..=45 {
        busy.posts(&format!("number {number}."));
    }
    browser.open("/@busy");
    browser.find_with(".post__text", "number 45.");
    let down = "scrollTo(0, document.body.scrollHeight); \
        return [...document.querySelectorAll('.post__text')].some(text => text.textContent === 'number 1.')";
    browser.wait_until("the last page", down);

    assert_eq!(browser.script("return document.querySelectorAll('.post').length"), 45);
    browser.wait_gone(".list__end button", "");

    // Back from a post, the list is where it was.
    let before = browser.wait_until("it has scrolled", "return Math.round(scrollY)");
    browser.find_with(".post .post__text", "number 1.");
    browser.script("document.querySelector('.post:last-child .post__time').click()");
    browser.find(".post--main");
    browser.back();
    browser.find_with(".post__text", "number 1.");
    assert_eq!(browser.script("return document.querySelectorAll('.post').length"), 45);
    assert_eq!(browser.script("return Math.round(scrollY)"), before);
}
