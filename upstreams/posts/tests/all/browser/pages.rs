//! What must be true of every page.

use super::site::Site;
use super::webdriver::Browser;
use super::{Story, log_in};

pub(super) const STORIES: &[Story] = &[
    ("every page loads everything from here, and without a fault", pages_are_quiet),
    ("every page fits a phone", pages_fit_a_phone),
    ("an unknown page is said to be one", an_unknown_page),
    ("a page that has lost the network says so and goes on", the_network_goes),
    ("all can be reached by keyboard", the_keyboard_reaches_all),
];

/// Pages that exist whoever is there, and what is to be seen on them.
const PAGES: [(&str, &str); 13] = [
    ("/", "Latest posts"),
    ("/feed", "Your feed"),
    ("/login", "Log in"),
    ("/signup", "Sign up"),
    ("/mentions", "Mentions"),
    ("/blocked", "Blocked people"),
    ("/search", "Search"),
    ("/search?lat=51.5&lng=0&km=300", "Search"),
    ("/about", "About"),
    ("/tag/quiet", "#quiet"),
    ("/@quiet", "quiet"),
    ("/@quiet/followers", "@quiet"),
    ("/@quiet/following", "@quiet"),
];

fn pages_are_quiet(browser: &Browser, site: &Site) {
    let quiet = site.person("quiet");
    let id = quiet.posts_at("Hush #quiet", 51.5, 0.0);
    quiet.replies(&id, "Hush again");
    let post = format!("/post/{id}");
    for is_logged_in in [false, true] {
        if is_logged_in {
            log_in(browser, &quiet);
        }
        for (page, title) in PAGES.into_iter().chain([(post.as_str(), "Post")]) {
            browser.open(page);
            browser.find_with("h1", title);
            browser.wait_gone("main", "Loading …");

            assert_eq!(browser.console(), [""; 0], "{page}");
            let foreign = "return performance.getEntriesByType('resource').map(entry => entry.name) \
                .filter(name => new URL(name).host !== location.host)";
            assert_eq!(browser.script(foreign), serde_json::json!([]), "{page}");
            let unlabelled = "return [...document.querySelectorAll('button, input, textarea, a[href], canvas')] \
                .filter(e => e.checkVisibility() && !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())) \
                .map(e => e.outerHTML)";
            assert_eq!(browser.script(unlabelled), serde_json::json!([]), "{page}");
        }
    }
    for (page, _) in PAGES {
        let (status, policy, html) = site.page(page);
        assert_eq!(status, 200, "{page}");
        assert!(
            policy.starts_with("default-src 'self';") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(!html.contains("://"), "{page} names no other place");
    }
}

fn pages_fit_a_phone(browser: &Browser, site: &Site) {
    let person = site.person("telephone");
    let id = person.posts_at(&format!("{} #{}", "long".repeat(40), "tag".repeat(30)), 1.0, 2.0);
    log_in(browser, &person);
    browser.resize(360, 740);
    let post = format!("/post/{id}");
    for page in ["/", "/feed", "/search", "/about", "/mentions", "/@telephone", &post] {
        browser.open(page);
        browser.find("h1");
        browser.wait_gone("main", "Loading …");
        let too_wide = "return document.body.scrollWidth - document.body.clientWidth";
        assert_eq!(browser.script(too_wide), 0, "{page}");
    }
    browser.resize(1200, 900);
}

fn an_unknown_page(browser: &Browser, site: &Site) {
    for path in ["/nowhere", "/@", "/post/1/2", "/web/nothing.js"] {
        assert_eq!(site.page(path).0, 404, "{path}");
    }
    browser.open("/about");
    browser.script("const a = document.createElement('a'); a.href = '/nowhere'; document.body.append(a); a.click()");
    browser.find_with("h1", "There is no such page");
    browser.open("/@nobody_of_this_name");
    browser.find_with("h1", "There is no @nobody_of_this_name");
    browser.open("/post/12345");
    browser.find_with(".empty", "may have been deleted");
    browser.open("/post/not-a-number");
    browser.find_with(".empty", "may have been deleted");
    browser.open("/tag/100%25");
    browser.find_with("h1", "#100%");
    browser.find("[role=alert]");
    // Errors that were asked for are not the client's.
    browser.console();
}

fn the_network_goes(browser: &Browser, site: &Site) {
    let person = site.person("offliner");
    log_in(browser, &person);
    browser.open("/about");
    browser.find_with("h1", "About");
    browser.set_offline(true);

    browser.find_with(".nav a", "Latest").click();
    browser.find_with("[role=alert]", "No connection");
    browser.fill("textarea", "kept while the network is gone");
    browser.find_with(".composer button", "Post").click();
    browser.find_with(".composer [role=alert]", "No connection");

    browser.set_offline(false);
    browser.find_with(".composer button", "Post").click();
    browser.find_with(".post__text", "kept while the network is gone");
    browser.find_with("[role=alert] button", "Try again").click();
    browser.wait_gone("[role=alert]", "No connection");
    for message in browser.console() {
        assert!(message.contains("ERR_INTERNET_DISCONNECTED"), "{message}");
    }
}

fn the_keyboard_reaches_all(browser: &Browser, site: &Site) {
    log_in(browser, &site.person("typist"));
    browser.open("/feed");
    browser.find("textarea");
    browser.script("document.body.focus()");
    browser.press(&["\u{e004}"]);
    let focus = "return document.activeElement.textContent";
    assert_eq!(browser.script(focus), "Skip to the content");
    browser.press(&["\u{e007}"]);
    browser.press(&["\u{e004}"]);
    assert_eq!(browser.script("return document.activeElement.tagName"), "TEXTAREA");

    browser.find("textarea").type_keys("written without a mouse");
    browser.press(&["\u{e009}", "\u{e007}"]);

    browser.find_with(".post__text", "written without a mouse");
    browser.find_with(".nav a", "Mentions").type_keys("\u{e007}");
    browser.find_with("h1", "Mentions");
    browser.wait_until("the title has the focus", "return document.activeElement.tagName === 'H1'");
}
