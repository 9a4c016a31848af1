//! Servers to test, and people who use them.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::Command;

use herd_tests::{PATIENCE, Program, Signal, eventually};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::postgres::Postgres;

/// Good enough for everybody.
pub(crate) const PASSWORD: &str = "correct horse";

/// A database that is new, and a server on it.
pub(crate) struct Site {
    pub(crate) database: String,
    pub(crate) server: Server,
    dir: TempDir,
}

/// A running `herd-posts`.
pub(crate) struct Server {
    pub(crate) program: Program,
    /// Host and port.
    pub(crate) address: String,
}

/// Somebody who asks a server, logged in or not.
#[derive(Clone)]
pub(crate) struct Client {
    agent: ureq::Agent,
    address: String,
    pub(crate) token: Option<String>,
    /// For whom a proxy says to ask.
    pub(crate) forwarded_for: Option<String>,
}

/// An answer over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Site {
    pub(crate) fn sqlite() -> Self {
        let dir = TempDir::new().unwrap();
        let database = format!("sqlite:{}", dir.path().join("posts.sqlite").display());
        Self::on(database, dir)
    }

    pub(crate) fn postgres() -> Self {
        Self::on(Postgres::shared().database(), TempDir::new().unwrap())
    }

    pub(crate) fn on(database: String, dir: TempDir) -> Self {
        let server = Server::start(&database, dir.path(), &[]);
        Self { database, server, dir }
    }

    /// Another server on the same database. A SQLite file belongs to one server: there it takes the place of the
    /// first.
    pub(crate) fn another(&self, args: &[&str]) -> Server {
        if self.database.starts_with("sqlite:") {
            self.stop();
        }
        Server::start(&self.database, self.dir.path(), args)
    }

    /// Stops the server of a SQLite file, and returns once another may have it.
    pub(crate) fn stop(&self) {
        self.server.program.signal(Signal::TERM);
        let file = self.database.strip_prefix("sqlite:").expect("a file");
        let lock = fs::File::open(format!("{file}-lock")).unwrap();
        eventually(PATIENCE, || lock.try_lock().is_ok());
    }

    /// Somebody new with this name.
    pub(crate) fn sign_up(&self, name: &str) -> Client {
        self.server.sign_up(name)
    }

    /// Changes the database behind the server's back.
    pub(crate) fn sql(&self, sql: &str) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let database = herd_posts::Database::open(&self.database).await.unwrap();
            let mut transaction = database.write().await.unwrap();
            let sql = sqlx::AssertSqlSafe(sql.to_owned());
            sqlx::query(sql).execute(&mut *transaction).await.unwrap();
            transaction.commit().await.unwrap();
            database.close().await;
        });
    }
}

impl Server {
    pub(crate) fn start(database: &str, dir: &Path, args: &[&str]) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_herd-posts")), database, dir, args)
    }

    /// Starts a server by a command that passes its arguments on.
    pub(crate) fn start_by(
        mut command: Command,
        database: &str,
        dir: &Path,
        args: &[&str],
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("posts{}", COUNT.fetch_add(1, Ordering::Relaxed));
        command.args(["--listen", "127.0.0.1:0", "--database", database]).args(args);
        let mut program = Program::start(&mut command, dir, &name);
        let line = program.wait_for_line("herd-posts: listens on http://");
        let address = line.rsplit('/').next().unwrap().to_owned();
        Self { program, address }
    }

    /// Somebody who is not logged in.
    pub(crate) fn client(&self) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(150)))
            .build();
        Client {
            agent: config.into(),
            address: self.address.clone(),
            token: None,
            forwarded_for: None,
        }
    }

    pub(crate) fn sign_up(&self, name: &str) -> Client {
        let mut client = self.client();
        let query = "mutation($name: String!, $password: String!) \
                     { signUp(name: $name, password: $password) { token } }";
        let data = client.data_with(query, json!({"name": name, "password": PASSWORD}));
        client.token = Some(data["signUp"]["token"].as_str().unwrap().to_owned());
        client
    }

    pub(crate) fn log_in(&self, name: &str, password: &str) -> Answer {
        self.client().log_in(name, password)
    }

    /// Somebody for whom a proxy asks that is trusted.
    pub(crate) fn client_at(&self, address: &str) -> Client {
        Client { forwarded_for: Some(address.to_owned()), ..self.client() }
    }
}

impl Client {
    pub(crate) fn log_in(&self, name: &str, password: &str) -> Answer {
        let query = "mutation($name: String!, $password: String!) \
                     { logIn(name: $name, password: $password) { token user { name } } }";
        self.ask(query, json!({"name": name, "password": password}))
    }

    pub(crate) fn ask(&self, query: &str, variables: Value) -> Answer {
        let body = json!({"query": query, "variables": variables}).to_string();
        self.send(body.as_bytes(), &[("content-type", "application/json")])
    }

    /// Fetches what is at this path.
    pub(crate) fn fetch(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(address) = &self.forwarded_for {
            request = request.header("x-forwarded-for", address);
        }
        Answer::of(request.call().unwrap())
    }

    /// Sends any body with these headers, and the token if there is one.
    pub(crate) fn send(&self, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.post(format!("http://{}/graphql", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(address) = &self.forwarded_for {
            request = request.header("x-forwarded-for", address);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Answer::of(request.send(body).unwrap())
    }

    /// The data of an answer without errors.
    #[track_caller]
    pub(crate) fn data(&self, query: &str) -> Value {
        self.data_with(query, json!({}))
    }

    #[track_caller]
    pub(crate) fn data_with(&self, query: &str, variables: Value) -> Value {
        let answer = self.ask(query, variables);
        let json = answer.json();
        assert_eq!((answer.status, &json["errors"]), (200, &Value::Null), "{query}: {answer:?}");
        json["data"].clone()
    }

    /// The status and the code of an answer that is an error.
    #[track_caller]
    pub(crate) fn error(&self, query: &str) -> (u16, String) {
        self.ask(query, json!({})).error()
    }

    /// Posts, and returns the id.
    #[track_caller]
    pub(crate) fn post(&self, text: &str) -> String {
        let query = "mutation($text: String!) { post(text: $text) { id } }";
        id(&self.data_with(query, json!({"text": text}))["post"])
    }

    #[track_caller]
    pub(crate) fn reply(&self, to: &str, text: &str) -> String {
        let query = "mutation($to: ID!, $text: String!) { post(text: $text, replyTo: $to) { id } }";
        id(&self.data_with(query, json!({"to": to, "text": text}))["post"])
    }

    /// Carries out a mutation on a post or on somebody, such as `like(id: "1")`.
    #[track_caller]
    pub(crate) fn act(&self, mutation: &str) {
        let selection = if mutation.starts_with("deletePost") { "" } else { "{ id }" };
        self.data(&format!("mutation {{ {mutation} {selection} }}"));
    }

    /// The texts in a list of posts, such as `feed` or `search(query: "kiwi")`.
    #[track_caller]
    pub(crate) fn texts(&self, list: &str) -> Vec<String> {
        let data =
            self.data(&format!("{{ list: {list} {{ nodes {{ text repostOf {{ text }} }} }} }}"));
        let text = |post: &Value| match post["repostOf"]["text"].as_str() {
            Some(original) => format!("RT {original}"),
            None => post["text"].as_str().unwrap().to_owned(),
        };
        data["list"]["nodes"].as_array().unwrap().iter().map(text).collect()
    }
}

impl Answer {
    fn of(mut response: ureq::http::Response<ureq::Body>) -> Self {
        let headers = response.headers().iter();
        Self {
            status: response.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body: response.body_mut().read_to_string().unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The status and the code of an answer that is an error and nothing else.
    #[track_caller]
    pub(crate) fn error(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(json["data"], Value::Null, "{self:?}");
        assert_eq!(self.body.find('\n'), Some(self.body.len() - 1), "one line: {self:?}");
        let code = json["errors"][0]["extensions"]["code"].as_str().unwrap();
        (self.status, code.to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// The id in a JSON object.
#[track_caller]
pub(crate) fn id(object: &Value) -> String {
    object["id"].as_str().unwrap_or_else(|| panic!("{object} has an id")).to_owned()
}
