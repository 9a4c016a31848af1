//! GraphiQL, as somebody uses it.

use super::site::Site;
use super::webdriver::Browser;
use super::{Story, log_in};

pub(super) const STORIES: &[Story] = &[
    ("GraphiQL answers a query that is typed", a_query_is_typed),
    ("GraphiQL runs a subscription", a_subscription_runs),
];

fn a_query_is_typed(browser: &Browser, site: &Site) {
    log_in(browser, &site.person("explorer"));
    type_query(browser, "{ me { name postCount } }");

    browser.click(".graphiql-execute-button");

    browser.find_with(".result-window", "\"explorer\"");
    let foreign = "return performance.getEntriesByType('resource').map(entry => entry.name) \
        .filter(name => new URL(name).host !== location.host)";
    assert_eq!(browser.script(foreign), serde_json::json!([]));
    // It knows the schema: the documentation has it.
    browser.click("[aria-label='Show Documentation Explorer']");
    browser.find_with(".graphiql-doc-explorer", "Subscription");
}

fn a_subscription_runs(browser: &Browser, site: &Site) {
    let writer = site.person("broadcaster");
    type_query(browser, "subscription { posts(tag: \"onair\") { text author { name } } }");
    browser.click(".graphiql-execute-button");
    browser.find("[aria-label='Stop query (Ctrl-Enter)'], [aria-label^='Stop']");

    // Until the server has begun, what is written is not heard.
    let start = std::time::Instant::now();
    let heard =
        "return document.querySelector('.result-window').textContent.includes('can you hear')";
    while browser.script(heard) != true {
        assert!(start.elapsed().as_secs() < 30, "nothing is heard");
        writer.posts("can you hear me? #onair");
        std::thread::sleep(core::time::Duration::from_millis(100));
    }
    browser.find_with(".result-window", "\"broadcaster\"");
    browser.click("[aria-label^='Stop']");
}

fn type_query(browser: &Browser, query: &str) {
    browser.open("/graphql");
    browser.find(".graphiql-query-editor .CodeMirror");
    browser.script("localStorage.clear(); document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue('')");
    browser.click(".graphiql-query-editor .CodeMirror-lines");
    // Without the editor's closing of brackets, which would double them.
    browser.script("document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setOption('autoCloseBrackets', false)");
    browser.find(".graphiql-query-editor textarea").type_keys(query);
    browser.press(&["\u{e00c}"]);
}
