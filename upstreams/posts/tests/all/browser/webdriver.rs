//! A headless Chromium, driven by WebDriver: <https://www.w3.org/TR/webdriver2/>.
//!
//! Everything waits until it can be done, and panics with what it waited for when that takes too long.

use core::time::Duration;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

/// How long anything may take; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(25);

/// The key under which the protocol hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A window of a browser. Dropped, the browser is gone.
pub(crate) struct Browser {
    agent: Agent,
    session: String,
    /// What the addresses of [`Browser::open`] are relative to.
    origin: String,
    driver: Child,
    _profile: TempDir,
}

/// An element of the page that is shown.
pub(crate) struct Element<'a> {
    browser: &'a Browser,
    id: String,
}

impl Browser {
    /// Starts one for the pages of `origin`.
    pub(crate) fn start(origin: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (driver, port) = start_driver();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(2 * PATIENCE))
            .build()
            .new_agent();
        let mut browser = Self {
            agent,
            session: format!("http://127.0.0.1:{port}/session"),
            origin: origin.into(),
            driver,
            _profile: profile,
        };
        let created = browser.call("", Some(&capabilities(&browser._profile)));
        let id = created["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("{}/{id}", browser.session);
        browser.call("/timeouts", Some(&json!({"script": 30_000, "pageLoad": 60_000})));
        browser
    }

    /// Goes to an address of the origin.
    pub(crate) fn open(&self, path: &str) {
        self.call("/url", Some(&json!({"url": format!("{}{path}", self.origin)})));
    }

    /// Goes one page back.
    pub(crate) fn back(&self) {
        self.call("/back", Some(&json!({})));
    }

    /// The path and query of the page that is shown.
    pub(crate) fn path(&self) -> String {
        self.script("return location.pathname + location.search").as_str().unwrap().into()
    }

    /// The first element that fits the selector, once it is seen.
    pub(crate) fn find(&self, css: &str) -> Element<'_> {
        self.element(css, "e => e.checkVisibility() && e.getClientRects().length > 0 && e")
    }

    /// The first element that fits the selector and has this text in it, once it is seen.
    pub(crate) fn find_with(&self, css: &str, text: &str) -> Element<'_> {
        let text = Value::from(text);
        self.element(
            css,
            &format!("e => e.checkVisibility() && e.textContent.includes({text}) && e"),
        )
    }

    /// Clicks what fits the selector.
    pub(crate) fn click(&self, css: &str) {
        self.find(css).click();
    }

    /// Puts a text where another may be in a field.
    pub(crate) fn fill(&self, css: &str, text: &str) {
        let field = self.find(css);
        self.call(&format!("/element/{}/clear", field.id), Some(&json!({})));
        field.type_keys(text);
    }

    /// Waits until nothing that is seen fits the selector and has this text.
    pub(crate) fn wait_gone(&self, css: &str, text: &str) {
        let script = format!(
            "return ![...document.querySelectorAll({})].some(e => e.textContent.includes({}))",
            Value::from(css),
            Value::from(text)
        );
        self.wait_until(&format!("{css} with {text:?} is gone"), &script);
    }

    /// Waits until a script returns something true, and gives it.
    pub(crate) fn wait_until(&self, what: &str, script: &str) -> Value {
        let value = patiently(|| {
            let value = self.script(script);
            (!matches!(value, Value::Null | Value::Bool(false))).then_some(value)
        });
        value.unwrap_or_else(|| {
            let page = self.script("return document.body.innerText");
            panic!(
                "waited in vain: {what}\nat {}\n{}",
                self.path(),
                page.as_str().unwrap_or_default()
            )
        })
    }

    /// What the body of a function in the page returns.
    pub(crate) fn script(&self, body: &str) -> Value {
        self.call("/execute/sync", Some(&json!({"script": body, "args": []})))
    }

    /// Presses keys wherever the focus is; a list within `keys` is held down together.
    pub(crate) fn press(&self, keys: &[&str]) {
        let mut actions = Vec::new();
        for key in keys {
            actions.push(json!({"type": "keyDown", "value": key}));
        }
        for key in keys.iter().rev() {
            actions.push(json!({"type": "keyUp", "value": key}));
        }
        let source = json!({"type": "key", "id": "keyboard", "actions": actions});
        self.call("/actions", Some(&json!({"actions": [source]})));
    }

    /// Makes the window this large.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Shows pages in dark colours, or in light ones.
    pub(crate) fn set_dark(&self, is_dark: bool) {
        let value = if is_dark { "dark" } else { "light" };
        let feature = json!({"name": "prefers-color-scheme", "value": value});
        self.devtools("Emulation.setEmulatedMedia", &json!({"features": [feature]}));
    }

    /// Takes the network away, or gives it back.
    pub(crate) fn set_offline(&self, is_offline: bool) {
        let conditions = json!({
            "offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.devtools("Network.enable", &json!({}));
        self.devtools("Network.emulateNetworkConditions", &conditions);
    }

    /// Nobody is logged in any more, and nothing is shown.
    pub(crate) fn forget_all(&self) {
        self.call("/url", Some(&json!({"url": "about:blank"})));
        self.devtools("Network.clearBrowserCookies", &json!({}));
        self.console();
    }

    /// What was written to the console since the last time, the faults only.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.call("/se/log", Some(&json!({"type": "browser"})));
        let entries = entries.as_array().expect("a list").iter();
        let bad = entries.filter(|entry| entry["level"] != "INFO" && entry["level"] != "DEBUG");
        bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A picture of the window, as PNG in base64.
    pub(crate) fn screenshot(&self) -> String {
        self.call("/screenshot", None).as_str().expect("a picture").into()
    }

    fn element(&self, css: &str, pick: &str) -> Element<'_> {
        let script = format!(
            "for (const e of document.querySelectorAll({})) {{ const found = ({pick})(e); if (found) return found }}",
            Value::from(css)
        );
        let found = self.wait_until(&format!("{css} ({pick})"), &script);
        Element { browser: self, id: found[ELEMENT].as_str().expect("an element").into() }
    }

    fn devtools(&self, command: &str, params: &Value) {
        let body = json!({"cmd": command, "params": params});
        self.call("/goog/cdp/execute", Some(&body));
    }

    /// Sends a command and gives its value; without a body it only asks.
    fn call(&self, command: &str, body: Option<&Value>) -> Value {
        let (ok, value) = self.try_call(command, body);
        assert!(ok, "{command} {}: {value}", body.unwrap_or(&Value::Null));
        value
    }

    fn try_call(&self, command: &str, body: Option<&Value>) -> (bool, Value) {
        let url = format!("{}{command}", self.session);
        let answer = match body {
            Some(body) => {
                self.agent.post(&url).content_type("application/json").send(body.to_string())
            }
            None => self.agent.get(&url).call(),
        };
        let mut answer = answer.unwrap();
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(100_000_000).read_to_string().unwrap();
        let mut body: Value = serde_json::from_str(&body).unwrap();
        (status.is_success(), body["value"].take())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // This ends the browser, which the driver's own end would not.
        _ = self.agent.delete(&self.session).call();
        _ = self.driver.kill();
        _ = self.driver.wait();
    }
}

impl Element<'_> {
    /// Clicks its middle, once nothing is before it.
    pub(crate) fn click(&self) {
        let command = format!("/element/{}/click", self.id);
        let clicked = patiently(|| {
            let (ok, why) = self.browser.try_call(&command, Some(&json!({})));
            assert!(ok || why["error"] == "element click intercepted", "{command}: {why}");
            ok.then_some(())
        });
        clicked.expect("nothing stays before it");
    }

    /// Clicks so many pixels right of and below its middle.
    pub(crate) fn click_at(&self, x: i32, y: i32) {
        let origin = json!({ELEMENT: self.id});
        let actions = json!([
            {"type": "pointerMove", "duration": 0, "origin": origin, "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]);
        self.pointer(&actions);
    }

    /// Drags from its middle so many pixels right and down.
    pub(crate) fn drag(&self, x: i32, y: i32) {
        let origin = json!({ELEMENT: self.id});
        let actions = json!([
            {"type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "duration": 50, "origin": "pointer", "x": x, "y": y},
            {"type": "pointerUp", "button": 0},
        ]);
        self.pointer(&actions);
    }

    /// Turns the wheel over its middle.
    pub(crate) fn wheel(&self, delta_y: i32) {
        let scroll = json!({
            "type": "scroll", "origin": {ELEMENT: self.id}, "x": 0, "y": 0,
            "deltaX": 0, "deltaY": delta_y,
        });
        let source = json!({"type": "wheel", "id": "wheel", "actions": [scroll]});
        self.browser.call("/actions", Some(&json!({"actions": [source]})));
    }

    /// Types into it.
    pub(crate) fn type_keys(&self, text: &str) {
        self.browser.call(&format!("/element/{}/value", self.id), Some(&json!({"text": text})));
    }

    /// An attribute, or nothing.
    pub(crate) fn attribute(&self, name: &str) -> Option<String> {
        let value = self.browser.call(&format!("/element/{}/attribute/{name}", self.id), None);
        value.as_str().map(Into::into)
    }

    /// What is written in it.
    pub(crate) fn text(&self) -> String {
        let value = self.browser.call(&format!("/element/{}/text", self.id), None);
        value.as_str().expect("a text").into()
    }

    fn pointer(&self, actions: &Value) {
        // Actions do not scroll by themselves.
        let center = json!({
            "script": "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})",
            "args": [{ELEMENT: self.id}],
        });
        self.browser.call("/execute/sync", Some(&center));
        let source = json!({
            "type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"},
            "actions": actions,
        });
        self.browser.call("/actions", Some(&json!({"actions": [source]})));
    }
}

/// Asks until there is an answer, or it has taken too long.
pub(crate) fn patiently<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    #[expect(clippy::disallowed_methods, reason = "only how long a test waits depends on it")]
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > PATIENCE {
            return None;
        }
        sleep(PAUSE);
    }
}

/// Starts chromedriver on a free port, which it says on its standard output.
fn start_driver() -> (Child, u16) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts: Debian has it in the package chromium-driver");
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| {
            line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
        })
        .expect("chromedriver says its port");
    (driver, port)
}

fn capabilities(profile: &TempDir) -> Value {
    let arguments = [
        "--headless=new",
        "--no-sandbox",
        // WebGL without a graphics card.
        "--use-angle=swiftshader",
        "--enable-unsafe-swiftshader",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--lang=en",
    ];
    let profile = format!("--user-data-dir={}", profile.path().display());
    let arguments: Vec<&str> = arguments.into_iter().chain([profile.as_str()]).collect();
    json!({"capabilities": {"alwaysMatch": {
        "goog:chromeOptions": {"args": arguments, "prefs": {"credentials_enable_service": false}},
        "goog:loggingPrefs": {"browser": "ALL"},
    }}})
}
