//! The program with an empty database, and people who talk to it without a browser.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

/// The program, running. Dropped, it is gone with its data.
pub(crate) struct Site {
    program: Child,
    pub(crate) origin: String,
    agent: Agent,
    _directory: TempDir,
}

/// Somebody with an account.
pub(crate) struct Person<'a> {
    site: &'a Site,
    pub(crate) name: String,
    token: String,
}

/// What everybody's password is.
pub(crate) const PASSWORD: &str = "correct horse battery";

impl Site {
    /// Starts the program with further arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", directory.path().join("posts.sqlite").display());
        let mut program = Command::new(env!("CARGO_BIN_EXE_herd-posts"))
            .args(["--listen", "127.0.0.1:0", "--database", &database])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (_, origin) = line.trim().split_once("listens on ").expect("it says where it listens");
        let agent = Agent::config_builder().http_status_as_error(false).build().new_agent();
        Self { program, origin: origin.into(), agent, _directory: directory }
    }

    /// Somebody new.
    pub(crate) fn person(&self, name: &str) -> Person<'_> {
        let sign_up =
            "mutation($n: String!, $p: String!) { signUp(name: $n, password: $p) { token } }";
        let answer = self.ask(None, sign_up, &json!({"n": name, "p": PASSWORD}));
        let token = answer["signUp"]["token"].as_str().expect("a token").into();
        Person { site: self, name: name.into(), token }
    }

    /// Names of those who wrote last.
    pub(crate) fn authors(&self) -> Vec<String> {
        let answer =
            self.ask(None, "{ posts(first: 12) { nodes { author { name } } } }", &json!({}));
        let posts = answer["posts"]["nodes"].as_array().expect("a list").iter();
        let names = posts.map(|post| post["author"]["name"].as_str().expect("a name").to_owned());
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// A post with a place and some answers, or at least one of the two.
    pub(crate) fn post_with_replies(&self) -> String {
        let query = "{ posts(first: 100) { nodes { id replyCount position { latitude } repostOf { id } } } }";
        let answer = self.ask(None, query, &json!({}));
        let posts = answer["posts"]["nodes"].as_array().expect("a list").iter();
        let best = posts
            .filter(|post| post["repostOf"].is_null())
            .max_by_key(|post| {
                let replies = post["replyCount"].as_i64().expect("a number");
                replies.min(3) * 2 + i64::from(post["position"].is_object())
            })
            .expect("the demo has posts");
        best["id"].as_str().expect("an id").into()
    }

    /// The status and headers of a page that a browser asks for, and its text.
    pub(crate) fn page(&self, path: &str) -> (u16, String, String) {
        let url = format!("{}{path}", self.origin);
        let mut answer = self.agent.get(url).header("accept", "text/html").call().unwrap();
        let policy = answer.headers().get("content-security-policy");
        let policy = policy.map(|policy| policy.to_str().unwrap().into()).unwrap_or_default();
        (answer.status().as_u16(), policy, answer.body_mut().read_to_string().unwrap())
    }

    fn ask(&self, token: Option<&str>, query: &str, variables: &Value) -> Value {
        let mut request = self
            .agent
            .post(format!("{}/graphql", self.origin))
            .header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = json!({"query": query, "variables": variables}).to_string();
        let answer = request.send(body).unwrap().body_mut().read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        assert!(answer["errors"].is_null(), "{query}: {answer}");
        answer["data"].take()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        _ = self.program.kill();
        _ = self.program.wait();
    }
}

impl Person<'_> {
    /// Writes a post and gives its id.
    pub(crate) fn posts(&self, text: &str) -> String {
        self.write(&json!({"text": text}))
    }

    /// Writes a post somewhere, in degrees.
    pub(crate) fn posts_at(&self, text: &str, latitude: f64, longitude: f64) -> String {
        let position = json!({"latitude": latitude, "longitude": longitude});
        self.write(&json!({"text": text, "position": position}))
    }

    /// Answers a post.
    pub(crate) fn replies(&self, to: &str, text: &str) -> String {
        self.write(&json!({"text": text, "replyTo": to}))
    }

    /// Says something about themselves.
    pub(crate) fn describes(&self, display_name: &str, bio: &str) {
        let update =
            "mutation($n: String!, $b: String!) { updateProfile(displayName: $n, bio: $b) { id } }";
        self.site.ask(Some(&self.token), update, &json!({"n": display_name, "b": bio}));
    }

    /// Follows somebody.
    pub(crate) fn follows(&self, name: &str) {
        let follow = "mutation($name: String!) { follow(name: $name) { id } }";
        self.site.ask(Some(&self.token), follow, &json!({"name": name}));
    }

    fn write(&self, variables: &Value) -> String {
        let write = "mutation($text: String!, $position: PositionInput, $replyTo: ID) {
            post(text: $text, position: $position, replyTo: $replyTo) { id }
        }";
        let answer = self.site.ask(Some(&self.token), write, variables);
        answer["post"]["id"].as_str().expect("an id").into()
    }
}
