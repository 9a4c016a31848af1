//! Accounts, profiles, and who follows whom.

use serde_json::json;

use super::site::{PASSWORD, Site};
use super::webdriver::Browser;
use super::{Story, ask, log_in};

pub(super) const STORIES: &[Story] = &[
    ("somebody signs up, logs out and logs in again", an_account_is_made),
    ("a wrong password is said to be one", a_password_is_wrong),
    ("logging in leads back, but nowhere else", logging_in_leads_back),
    ("a visitor can read, and is led to log in", a_visitor_reads),
    ("a profile is edited, followed and blocked", a_profile_is_followed),
    ("who was logged out elsewhere is told to log in", a_session_ends_elsewhere),
    ("a list goes on after a profile was edited", a_list_outlives_an_edit),
    ("a mention is found", a_mention_is_found),
];

fn an_account_is_made(browser: &Browser, _: &Site) {
    browser.open("/");
    browser.find_with("main .button", "Sign up").click();
    browser.fill("[name=name]", "newcomer");
    browser.fill("[name=displayName]", "New Comer");
    browser.fill("[name=password]", PASSWORD);
    browser.find_with("form button", "Sign up").click();
    browser.find_with("h1", "Your feed");
    browser.find_with("#account", "New Comer");

    browser.click("#log-out");
    browser.find_with("#account a", "Log in").click();
    browser.fill("[name=name]", "NewComer");
    browser.fill("[name=password]", PASSWORD);
    browser.find("[name=password]").type_keys("\u{e007}");

    browser.find_with("#account", "@newcomer");
    browser.find_with("h1", "Your feed");
    let cookies = browser.script("return document.cookie");
    assert_eq!(cookies, "", "no script can read the session");
}

fn a_password_is_wrong(browser: &Browser, site: &Site) {
    site.person("careless");
    browser.open("/login");
    browser.fill("[name=name]", "careless");
    browser.fill("[name=password]", "not the right one");
    browser.find_with("form button", "Log in").click();

    browser.find_with("[role=alert]", "The name or the password is wrong.");
    expect_status_messages(browser);
    browser.open("/signup");
    browser.fill("[name=name]", "careless");
    browser.fill("[name=password]", PASSWORD);
    browser.find_with("form button", "Sign up").click();
    browser.find_with("[role=alert]", "taken");
    expect_status_messages(browser);
}

/// Chromium writes every answer with an error's status to the console, whatever the page makes of it.
fn expect_status_messages(browser: &Browser) {
    for message in browser.console() {
        assert!(message.contains("the server responded with a status of 4"), "{message}");
    }
}

fn logging_in_leads_back(browser: &Browser, site: &Site) {
    let person = site.person("returner");
    for (then, path) in [
        ("/tag/kiwi", "/tag/kiwi"),
        ("https://evil.example/x", "/feed"),
        ("//evil.example", "/feed"),
    ] {
        browser.forget_all();
        browser.open(&format!("/login?then={then}"));
        browser.fill("[name=name]", &person.name);
        browser.fill("[name=password]", PASSWORD);
        browser.find_with("form button", "Log in").click();

        browser.find_with("#account", "@returner");
        browser.wait_until("the page changes", "return location.pathname !== '/login'");
        assert_eq!(browser.path(), path, "{then}");
    }
}

fn a_visitor_reads(browser: &Browser, site: &Site) {
    site.person("public").posts("For everybody");
    browser.open("/@public");
    browser.find_with(".post__text", "For everybody");

    browser.click(".action--like");

    browser.find_with(".toast", "Log in");
    for page in ["/feed", "/mentions"] {
        browser.open(page);
        browser.find_with(".empty .button", "Log in");
    }
}

fn a_profile_is_followed(browser: &Browser, site: &Site) {
    let (star, fan) = (site.person("star"), site.person("groupie"));
    star.posts("Twinkle");
    log_in(browser, &fan);
    browser.open("/@star");
    browser.find_with(".profile__facts", "1 post");

    browser.find_with(".profile__top button", "Follow").click();
    browser.find_with(".profile__top button", "Unfollow");
    browser.find_with(".profile__facts", "1 follower");
    browser.find_with(".profile__facts a", "follower").click();
    browser.find_with(".person", "@groupie");
    browser.open("/feed");
    browser.find_with(".post__text", "Twinkle");

    browser.open("/@groupie");
    edit_profile(browser, "bio", "Fan of <b>stars</b>");
    browser.find_with(".profile__bio", "Fan of <b>stars</b>");

    browser.open("/@star");
    browser.find_with(".profile__top button", "Block").click();
    browser.find_with("dialog button", "Block").click();
    browser.find_with(".profile__top button", "Unblock");
    browser.open("/feed");
    browser.find_with(".empty", "Here you will see");
    browser.open("/@groupie");
    browser.find_with(".profile__facts a", "Blocked people").click();
    browser.find_with(".person", "@star");
    browser.find_with(".person button", "Unblock").click();
    browser.wait_gone(".person", "@star");
    browser.open("/@star");
    browser.find_with(".post__text", "Twinkle");
}

/// Changes one thing in the profile that is shown, which is one's own.
fn edit_profile(browser: &Browser, field: &str, value: &str) {
    browser.find_with(".profile__top button", "Edit profile").click();
    browser.fill(&format!("dialog [name={field}]"), value);
    browser.find_with("dialog button", "Save").click();
}

fn a_session_ends_elsewhere(browser: &Browser, site: &Site) {
    log_in(browser, &site.person("two_tabs"));
    browser.open("/");
    browser.find_with("#account", "@two_tabs");

    ask(browser, &json!({"query": "mutation { logOut }"}));
    browser.find_with("#nav a", "Feed").click();

    browser.find_with(".empty .button", "Log in");
    browser.find_with("#account a", "Log in");
    expect_status_messages(browser);
}

fn a_list_outlives_an_edit(browser: &Browser, site: &Site) {
    let writer = site.person("renamer");
    for n in 0..25 {
        writer.posts(&format!("number {n} of many\n\nwith\n\nsome\n\nlines"));
    }
    log_in(browser, &writer);
    browser.open("/@renamer");
    browser.find_with(".post__text", "number 24 of many");
    edit_profile(browser, "displayName", "Somebody Else");
    browser.find_with("#account", "Somebody Else");

    browser.script("scrollTo(0, document.body.scrollHeight)");

    browser.find_with(".post__text", "number 0 of many");
}

fn a_mention_is_found(browser: &Browser, site: &Site) {
    let (called, caller) = (site.person("called"), site.person("caller"));
    caller.posts("Hello @called, and #hello");
    log_in(browser, &called);
    browser.open("/mentions");

    browser.find_with(".post__text", "Hello @called");
    browser.find_with(".post__text a", "#hello").click();

    browser.find_with("h1", "#hello");
    browser.find_with(".post__text", "Hello @called");
    assert_eq!(browser.path(), "/tag/hello");
    browser.find_with(".post__text a", "@called").click();
    browser.find_with(".profile__names", "@called");
}
