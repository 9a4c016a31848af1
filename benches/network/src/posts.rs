//! Clients of the microblog: they look at their feeds, search, like and post.

use core::net::SocketAddr;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::drive::{Client, CrowdArgs, crowd};
use crate::error::Error;
use crate::failure::Failure;
use crate::http::GraphQl;

/// What a client does in turn: mostly read.
const TURNS: [&str; 10] =
    ["feed", "search", "feed", "like", "search", "feed", "post", "feed", "search", "feed"];
/// What people write about, and look for.
const WORDS: [&str; 16] = [
    "coffee", "surf", "traffic", "sunset", "tacos", "library", "concert", "beach", "rain",
    "lecture", "bicycle", "market", "museum", "garden", "football", "train",
];
/// Whom each follows: those who signed up next.
const FOLLOWED: usize = 10;
/// What each has posted before anybody looks.
const POSTED: u32 = 5;

const NODES: &str = "nodes { id text createdAt author { name displayName } position { latitude longitude } \
                     likeCount isLiked } pageInfo { endCursor hasNextPage }";

/// Of `posts`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server's address
    #[arg(long)]
    server: SocketAddr,
    /// Tokens, one a line, which the clients share
    #[arg(long, value_name = "FILE")]
    tokens: PathBuf,
    #[command(flatten)]
    crowd: CrowdArgs,
}

/// Of `sign-up`.
#[derive(Debug, clap::Args)]
pub(crate) struct SignUp {
    /// A server's address
    #[arg(long)]
    server: SocketAddr,
    /// How many users to make
    #[arg(long)]
    users: u32,
    /// The file to write their tokens to, one a line
    #[arg(long)]
    out: PathBuf,
}

/// Is many clients of one server.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let text =
        fs::read_to_string(&args.tokens).map_err(|source| Error::file(&args.tokens, source))?;
    let tokens: Arc<[String]> = text.lines().map(str::to_owned).collect();
    if tokens.is_empty() {
        return Err(Error::NoTokens);
    }
    crowd(&args.crowd, |number| {
        let token = &tokens[index(number) % tokens.len()];
        Member { number, server: GraphQl::new(args.server, Some(token)), seen: None }
    })
}

/// Makes users, each following the next ones, with some posts.
pub(crate) fn sign_up(args: &SignUp) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tokens = runtime.block_on(members(args))?;
    let text: String = tokens.iter().map(|token| format!("{token}\n")).collect();
    fs::write(&args.out, text).map_err(|source| Error::file(&args.out, source))
}

async fn members(args: &SignUp) -> Result<Vec<String>, Error> {
    let mut tokens = Vec::new();
    let mut stranger = GraphQl::new(args.server, None);
    for number in 0..args.users {
        let query = "mutation($name: String!, $password: String!) \
                     { signUp(name: $name, password: $password) { token } }";
        let variables = json!({"name": name(number), "password": "correct horse battery"});
        let answer = stranger.ask(query, variables).await.map_err(Error::SignUp)?;
        let token = answer.pointer("/signUp/token").and_then(Value::as_str);
        tokens.push(token.ok_or(Error::NoTokens)?.to_owned());
    }
    for (number, token) in (0..).zip(&tokens) {
        let mut member = GraphQl::new(args.server, Some(token));
        for other in (0..args.users).cycle().skip(index(number) + 1).take(FOLLOWED) {
            if other != number {
                let query = "mutation($name: String!) { follow(name: $name) { id } }";
                let follow = member.ask(query, json!({"name": name(other)})).await;
                follow.map_err(Error::SignUp)?;
            }
        }
        for step in 0..POSTED {
            post(&mut member, number, step).await.map_err(Error::SignUp)?;
        }
    }
    Ok(tokens)
}

fn name(number: u32) -> String {
    format!("member{number}")
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Somebody with an account and an app.
#[derive(Debug)]
struct Member {
    number: u32,
    server: GraphQl,
    /// A post that was in an answer.
    seen: Option<String>,
}

impl Client for Member {
    fn question(&self, step: u32) -> &'static str {
        // Not all the same at the same time.
        let turn = TURNS[(index(step) + index(self.number)) % TURNS.len()];
        if turn == "like" && self.seen.is_none() { "feed" } else { turn }
    }

    async fn ask(&mut self, step: u32) -> Result<(), Failure> {
        match self.question(step) {
            "feed" => self.feed().await,
            "search" => self.search(step).await,
            "like" => self.like().await,
            _ => post(&mut self.server, self.number, step).await,
        }
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        self.server.connect().await
    }

    fn hang_up(&mut self) {
        self.server.hang_up();
    }
}

impl Member {
    async fn feed(&mut self) -> Result<(), Failure> {
        let query = format!("query {{ feed(first: 20) {{ {NODES} }} }}");
        let answer = self.server.ask(&query, json!({})).await?;
        self.look("feed", &answer)
    }

    async fn search(&mut self, step: u32) -> Result<(), Failure> {
        let query = format!(
            "query($query: String!, $near: Circle) {{ search(query: $query, near: $near, first: 20) \
             {{ {NODES} }} }}"
        );
        let (latitude, longitude) = position(self.number, step);
        let variables = if (step / 2).is_multiple_of(2) {
            json!({"query": word(self.number + step)})
        } else {
            json!({"query": "", "near": {"latitude": latitude, "longitude": longitude, "radiusKm": 5.0}})
        };
        let answer = self.server.ask(&query, variables).await?;
        self.look("search", &answer)
    }

    async fn like(&mut self) -> Result<(), Failure> {
        let query = "mutation($id: ID!) { like(id: $id) { id likeCount isLiked } }";
        let answer = self.server.ask(query, json!({"id": self.seen})).await?;
        match answer.pointer("/like/isLiked") {
            Some(Value::Bool(true)) => Ok(()),
            _ => Err(Failure::new("not liked")),
        }
    }

    /// That there is a list of posts, of which one is remembered.
    fn look(&mut self, field: &str, answer: &Value) -> Result<(), Failure> {
        let nodes = answer.pointer(&format!("/{field}/nodes")).and_then(Value::as_array);
        let Some(nodes) = nodes else { return Err(Failure::new("no list of posts")) };
        if let Some(post) = nodes.get(index(self.number) % nodes.len().max(1)) {
            self.seen = post.pointer("/id").and_then(Value::as_str).map(str::to_owned);
        }
        Ok(())
    }
}

async fn post(server: &mut GraphQl, number: u32, step: u32) -> Result<(), Failure> {
    let text = format!(
        "{} and {} with client {number} at step {step} #{}",
        word(number),
        word(number / 16 + step),
        word(step),
    );
    write(server, &text, position(number, step)).await.map(|_| ())
}

/// Posts this text and gives the post's id.
pub(crate) async fn write(
    server: &mut GraphQl,
    text: &str,
    (latitude, longitude): (f64, f64),
) -> Result<String, Failure> {
    let query = "mutation($text: String!, $position: PositionInput) \
                 { post(text: $text, position: $position) { id } }";
    let position = json!({"latitude": latitude, "longitude": longitude});
    let answer = server.ask(query, json!({"text": text, "position": position})).await?;
    let id = answer.pointer("/post/id").and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| Failure::new("no post"))
}

fn word(number: u32) -> &'static str {
    WORDS[index(number) % WORDS.len()]
}

/// Somewhere in Los Angeles.
fn position(number: u32, step: u32) -> (f64, f64) {
    let east = f64::from(number % 100) / 500.0;
    let north = f64::from(step % 100) / 1000.0;
    (34.0 + north, -118.5 + east)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: u32) -> Member {
        let server = GraphQl::new(([127, 0, 0, 1], 1).into(), None);
        Member { number, server, seen: None }
    }

    #[test]
    fn half_of_the_questions_are_for_the_feed_and_a_tenth_are_posts() {
        let mut client = member(7);
        client.seen = Some("1".to_owned());

        let count = |name| (0..100).filter(|step| client.question(*step) == name).count();

        assert_eq!(
            (count("feed"), count("search"), count("like"), count("post")),
            (50, 30, 10, 10)
        );
    }

    #[test]
    fn a_client_likes_only_what_it_has_seen() {
        let mut client = member(0);
        let answer = json!({"feed": {"nodes": [{"id": "17"}], "pageInfo": {}}});

        assert_eq!(client.question(3), "feed");
        assert_eq!(client.look("feed", &answer), Ok(()));

        assert_eq!(client.seen.as_deref(), Some("17"));
        assert_eq!(client.question(3), "like");
        assert_eq!(client.look("search", &answer), Err(Failure::new("no list of posts")));
    }
}
