//! The live map in a headless Chromium.
//!
//! Starting a browser takes longer than most of what is tried here: all stories run in one, one after the other.

use std::env;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::harness::{Gateway, plan};
use crate::webdriver::Browser;

/// The map is drawn, with land and towns, and positions come.
const READY: &str = "const { isLoaded, isOpen } = document.querySelector('#map').dataset; \
                     return isLoaded === 'true' && isOpen === 'true'";

fn owntracks(gateway: &Gateway, user: &str, (lat, lon): (f64, f64), tst: u32) {
    let body = format!(
        r#"{{"_type":"location","tid":"{}","lat":{lat},"lon":{lon},"tst":{tst},"acc":20}}"#,
        &user[..2]
    );
    let headers =
        [("X-Limit-U", user), ("X-Limit-D", "phone"), ("Content-Type", "application/json")];
    let answer = gateway.ask("POST", "/in/owntracks", &headers, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// Waits until the chosen client is shown there.
fn shown_at(browser: &Browser, place: &str) {
    let script = format!("return document.querySelector('#map').dataset.chosen === '{place}'");
    browser.wait_until(&format!("the chosen client is at {place}"), &script);
}

/// Waits until so many points are on the map.
fn has_points(browser: &Browser, count: usize) {
    let script = format!("return document.querySelector('#map').dataset.points === '{count}'");
    browser.wait_until(&format!("{count} points are on the map"), &script);
}

/// Waits until the middle of the map is within so many degrees of a place, as its address says.
fn is_around(browser: &Browser, (lat, lon): (f64, f64), degrees: f64) {
    let script = format!(
        "const [, lat, lon] = location.hash.slice(1).split('/').map(Number);
         return Math.abs(lat - {lat}) < {degrees} && Math.abs(lon - {lon}) < {degrees}"
    );
    browser.wait_until(&format!("the map is around {lat}, {lon}"), &script);
}

#[test]
fn a_report_of_a_phone_is_a_point_that_moves_on_the_map() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let browser = Browser::start(&format!("http://{}", gateway.address));
    browser.resize(1280, 800);
    browser.open("/");
    browser.wait_until("the map is drawn", READY);

    // A phone reports, and is seen.
    owntracks(&gateway, "jane", (48.8582, 2.2945), 1_700_000_000);
    browser.find_with("#status", "1 client in view");
    has_points(&browser, 1);

    // Whoever looks for it finds it.
    browser.fill("#query", "jane");
    browser.find_with("#found button", "jane/phone").click();
    browser.find_with("#client h2", "jane/phone");
    browser.find_with("#client dd", "48.85820, 2.29450");
    browser.find_with("#client dd", "by Hill");
    shown_at(&browser, "48.8582,2.2945");

    // It moves, and the facts go with it.
    owntracks(&gateway, "jane", (48.8590, 2.2960), 1_700_000_060);
    shown_at(&browser, "48.8590,2.2960");
    browser.find_with("#client dd", "48.85900, 2.29600");

    // Followed, it stays in the middle.
    browser.click("#follow");
    owntracks(&gateway, "jane", (48.9000, 2.4000), 1_700_000_120);
    shown_at(&browser, "48.9000,2.4000");
    is_around(&browser, (48.9, 2.4), 0.01);
    look(&browser, "map-desktop");

    // Who is elsewhere is not in view; a late fix moves nobody.
    owntracks(&gateway, "bobby", (-33.8568, 151.2153), 1_700_000_000);
    owntracks(&gateway, "jane", (0.0, 0.0), 1_600_000_000);
    browser.wait_until(
        "the herd has two clients",
        "return document.querySelector('#map').dataset.clients === '2'",
    );
    has_points(&browser, 1);
    shown_at(&browser, "48.9000,2.4000");

    // The servers and the list.
    browser.click("#herd-button");
    browser.find_with("#herd td", "Hill");
    browser.find_with("#herd td", "reachable");
    browser.click("#list-button");
    browser.find_with("#list td", "jane/phone");
    browser.click("#herd-button");

    // In the dark, and on a phone.
    browser.set_dark(true);
    browser.resize(390, 844);
    browser.wait_until("the map is drawn", READY);
    look(&browser, "map-phone");
    browser.set_dark(false);
    browser.resize(1280, 800);
    browser.wait_until("the map is drawn", READY);

    // A gateway that was away is found again.
    browser.set_offline(true);
    browser.set_offline(false);
    owntracks(&gateway, "jane", (48.9100, 2.4000), 1_700_000_180);
    browser.find_with("#list td", "48.9100, 2.4000");
    has_points(&browser, 1);
}

#[test]
fn a_server_that_is_gone_is_shown_as_such_and_reports_are_taken_by_the_other() {
    let mut herd = plan().start();
    let gateway = Gateway::before(&herd);
    let browser = Browser::start(&format!("http://{}", gateway.address));
    browser.resize(1280, 800);
    browser.open("/");
    browser.wait_until("the map is drawn", READY);
    browser.click("#herd-button");
    browser.find_with("#herd td", "Hill");
    owntracks(&gateway, "jane", (48.8582, 2.2945), 1_700_000_000);
    has_points(&browser, 1);
    herd["Hill"].kill();
    browser.find_with("#herd td", "unreachable");
    owntracks(&gateway, "bobby", (48.8600, 2.2945), 1_700_000_000);
    has_points(&browser, 2);
}

#[test]
fn thousands_of_points_are_drawn() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    for batch in 0..2 {
        let lines: String = (0..5000)
            .map(|at| {
                let (row, column) = (f64::from(at / 100), f64::from(at % 100));
                let (lat, lon) = (row * 2.0 - 50.0, column * 3.0 - 150.0 + f64::from(batch));
                format!("{{\"client\":\"c{batch}-{at}\",\"lat\":{lat},\"lon\":{lon}}}\n")
            })
            .collect();
        assert_eq!(gateway.post("/in/json", &lines).json()["accepted"], 5000);
    }
    let browser = Browser::start(&format!("http://{}", gateway.address));
    browser.resize(1280, 800);
    browser.open("/#0.5/0/0");
    browser.wait_until("the map is drawn", READY);
    has_points(&browser, 10_000);
    browser.find_with("#status", "10,000 clients in view");
    look(&browser, "map-many");
    assert_eq!(browser.console(), [""; 0], "the console is empty");
}

/// Leaves a picture where `SCREENSHOTS` says, for a person to look at.
fn look(browser: &Browser, name: &str) {
    let Some(dir) = env::var_os("SCREENSHOTS") else { return };
    let png = BASE64_STANDARD.decode(browser.screenshot()).unwrap();
    fs::write(Path::new(&dir).join(name).with_extension("png"), png).unwrap();
}
