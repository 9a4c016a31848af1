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

/// Where the map is looked at when nothing was done: all the world.
const READY: &str = "return document.querySelector('.map canvas').dataset.isLoaded === 'true' \
                     && document.querySelector('.map').dataset.points";

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
    let script = format!("return document.querySelector('.map').dataset.chosen === '{place}'");
    browser.wait_until(&format!("the chosen client is at {place}"), &script);
}

/// How many pixels of the layer of points are painted in a square around its middle.
fn painted(browser: &Browser) -> u64 {
    let script = "
        const canvas = document.querySelector('[data-layer=points]');
        const copy = document.createElement('canvas');
        const size = 40;
        copy.width = copy.height = size;
        const context = copy.getContext('2d');
        context.drawImage(canvas, (canvas.width - size) / 2, (canvas.height - size) / 2, size, size, 0, 0, size, size);
        const { data } = context.getImageData(0, 0, size, size);
        return data.filter((value, at) => at % 4 === 3 && value > 60).length;";
    browser.script(script).as_u64().unwrap()
}

#[test]
fn a_report_of_a_phone_is_a_point_that_moves_on_the_map() {
    let herd = plan().start();
    let gateway = Gateway::before(&herd);
    let browser = Browser::start(&format!("http://{}", gateway.address));
    browser.resize(1280, 800);
    browser.open("/");
    browser.wait_until("the map is painted", READY);
    let layer = browser.script("return document.querySelector('.map').dataset.layer");
    assert_eq!(layer, "webgl");

    // A phone reports, and is seen.
    owntracks(&gateway, "jane", (48.8582, 2.2945), 1_700_000_000);
    browser.find_with("#list button", "jane/phone");
    browser.find_with("#state", "1 client");

    // Whoever looks for it finds it in the middle of the map.
    browser.fill("#query", "jane/phone");
    browser.click("#search button");
    browser.find_with("#chosen h2", "jane/phone");
    browser.find_with("#chosen dd", "48.8582, 2.2945");
    browser.find_with("#chosen dd", "Hill");
    shown_at(&browser, "48.8582,2.2945");
    assert!(painted(&browser) > 20, "the point is painted in the middle");
    look(&browser, "map-desktop");

    // It moves, smoothly, and the trail and the facts go with it.
    owntracks(&gateway, "jane", (48.8590, 2.2960), 1_700_000_060);
    shown_at(&browser, "48.8590,2.2960");
    browser.find_with("#chosen dd", "48.859, 2.296");

    // Followed, it stays in the middle.
    browser.click("#chosen [aria-pressed=false]");
    owntracks(&gateway, "jane", (48.9000, 2.4000), 1_700_000_120);
    shown_at(&browser, "48.9000,2.4000");
    browser.wait_until(
        "the map follows",
        "const { latitude, longitude } = document.querySelector('.map canvas').dataset;
         return Math.abs(latitude - 48.9) < 0.001 && Math.abs(longitude - 2.4) < 0.001",
    );
    // Who is elsewhere is not in the list of what is seen; a late fix moves nobody.
    owntracks(&gateway, "bobby", (-33.8568, 151.2153), 1_700_000_000);
    owntracks(&gateway, "jane", (0.0, 0.0), 1_600_000_000);
    browser.find_with("#state", "2 clients, 1 here");
    shown_at(&browser, "48.9000,2.4000");

    // A click on a point chooses it.
    browser.click("#chosen button:last-child");
    browser.wait_until("nobody is chosen", "return document.querySelector('#chosen').hidden");
    browser.find(".map canvas").click();
    browser.find_with("#chosen h2", "jane/phone");
    assert_eq!(browser.console(), [""; 0], "the console is empty");

    // In the dark, and on a phone.
    browser.set_dark(true);
    browser.resize(390, 844);
    browser.find("#query");
    look(&browser, "map-phone");
    browser.set_dark(false);
    look(&browser, "map-phone-light");
    browser.resize(1280, 800);

    // A gateway that was away is found again, and nobody is blank in the meantime.
    browser.set_offline(true);
    browser.set_offline(false);
    owntracks(&gateway, "jane", (48.9100, 2.4000), 1_700_000_180);
    shown_at(&browser, "48.9100,2.4000");

    // Without WebGL the same points are painted, and the list has them.
    browser.open("/?plain");
    browser.wait_until("the map is painted", READY);
    browser.find_with("#list button", "jane/phone").click();
    shown_at(&browser, "48.9100,2.4000");
    assert_eq!(browser.script("return document.querySelector('.map').dataset.layer"), "plain");
    assert_eq!(browser.console(), [""; 0], "the console is empty");
}

#[test]
fn thousands_of_points_are_painted_in_little_time() {
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
    browser.open("/");
    browser.wait_until(
        "all points are there",
        "return document.querySelector('.map').dataset.points === '10000'",
    );
    browser.find_with("#rest", "and 9,900 others");
    look(&browser, "map-many");
    assert_eq!(browser.console(), [""; 0], "the console is empty");
}

/// Leaves a picture where `SCREENSHOTS` says, for a person to look at.
fn look(browser: &Browser, name: &str) {
    let Some(dir) = env::var_os("SCREENSHOTS") else { return };
    let png = BASE64_STANDARD.decode(browser.screenshot()).unwrap();
    fs::write(Path::new(&dir).join(name).with_extension("png"), png).unwrap();
}
