//! Search by words and on the map, and the map itself.

use super::Story;
use super::site::Site;
use super::webdriver::Browser;

pub(super) const STORIES: &[Story] = &[
    ("posts are found near a point of the map", posts_are_found_near_a_point),
    ("posts are found by words", posts_are_found_by_words),
    ("the map is moved by mouse, wheel and keys", the_map_moves),
];

const LOADED: &str = "return document.querySelector('canvas[data-is-loaded=true]')";

fn posts_are_found_near_a_point(browser: &Browser, site: &Site) {
    let walker = site.person("walker");
    walker.posts_at("In Wellington", -41.29, 174.78);
    walker.posts_at("In Auckland", -36.85, 174.76);
    browser.open("/search");
    browser.wait_until("the map", LOADED);
    browser.find_with(".empty", "click a point on the map");

    browser.fill("[name=latitude]", "-41.3");
    browser.fill("[name=longitude]", "174.8\u{e004}");

    browser.find_with(".post__text", "In Wellington");
    browser.wait_gone(".post__text", "In Auckland");
    browser.find("canvas[data-dots='1']");
    assert!(browser.path().contains("lat=-41.3&lng=174.8&km=50"), "{}", browser.path());

    // The farthest that the slider goes is far enough for both.
    browser.find("[name=radius]").type_keys("\u{e010}");
    browser.find_with(".post__text", "In Auckland");
    browser.find("canvas[data-dots='2']");
    // Wellington is in the middle of the map, and Auckland is not: a click on its dot marks the post.
    browser.find("canvas").click_at(0, 0);
    browser.find_with(".post--marked .post__text", "In Wellington");

    // A click where there is no dot searches there, once the page no longer scrolls to the marked post.
    browser.wait_until(
        "the page stands still",
        "scrollTo({ top: 0, behavior: 'instant' }); return scrollY === 0",
    );
    browser.find("canvas").click_at(-100, 100);
    browser.wait_until("another point", "return !location.search.includes('lat=-41.3&')");
    browser.find("[name=latitude]");
}

fn posts_are_found_by_words(browser: &Browser, site: &Site) {
    let poet = site.person("poet");
    poet.posts("the quick brown fox");
    poet.posts("the brown quick fox #fauna");
    browser.open("/");
    browser.find_with(".nav a", "Search").click();
    browser.fill("[name=q]", "\"quick brown\" from:poet");
    browser.find_with("form[role=search] button", "Search").click();

    browser.find_with(".post__text", "the quick brown fox");
    browser.wait_gone(".post__text", "the brown quick fox");
    browser.fill("[name=q]", "#fauna\u{e007}");
    browser.find_with(".post__text", "the brown quick fox");
    browser.open(&browser.path());
    browser.find_with(".post__text", "the brown quick fox");
    browser.fill("[name=q]", "nothinglikethis\u{e007}");
    browser.find_with(".empty", "No posts like that");
}

fn the_map_moves(browser: &Browser, _: &Site) {
    browser.open("/search");
    browser.wait_until("the map", LOADED);
    let state = || -> [f64; 3] {
        let canvas = browser.find("canvas");
        ["longitude", "latitude", "zoom"]
            .map(|name| canvas.attribute(&format!("data-{name}")).unwrap().parse().unwrap())
    };
    let changed = |before: [f64; 3]| {
        let script = format!(
            "const d = document.querySelector('canvas').dataset; \
             return d.longitude != {} || d.latitude != {} || d.zoom != {}",
            before[0], before[1], before[2]
        );
        browser.wait_until("the map moves", &script);
        state()
    };

    let start = state();
    browser.find("canvas").wheel(-500);
    let zoomed = changed(start);
    assert!(zoomed[2] > start[2], "{start:?} {zoomed:?}");

    browser.find("canvas").drag(60, 0);
    let dragged = changed(zoomed);
    assert!(dragged[0] < zoomed[0], "{zoomed:?} {dragged:?}");
    assert_eq!(browser.path(), "/search", "to drag is not to click");

    browser.script("document.querySelector('canvas').focus({focusVisible: true})");
    browser.press(&["\u{e014}"]);
    let moved = changed(dragged);
    assert!(moved[0] > dragged[0], "{dragged:?} {moved:?}");
    browser.press(&["+"]);
    let closer = changed(moved);
    assert!(closer[2] > moved[2], "{moved:?} {closer:?}");
    browser.press(&["\u{e007}"]);
    browser.wait_until("Enter takes the middle", "return location.search.includes('lat=')");
    let latitude = browser.script("return Number(new URLSearchParams(location.search).get('lat'))");
    assert!((latitude.as_f64().unwrap() - closer[1]).abs() < 0.01, "{latitude} {closer:?}");
}
