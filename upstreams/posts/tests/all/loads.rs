//! How many statements a request costs.

use core::time::Duration;

use herd_tests::{PATIENCE, eventually_some, pass};

use crate::harness::{Client, Server, Site};
use crate::live::Live;

on_both! {
    a_long_feed_costs_as_many_statements_as_a_short_one,
    a_post_costs_as_many_statements_however_many_wait_for_it,
}

fn a_long_feed_costs_as_many_statements_as_a_short_one(site: &Site) {
    let server = site.another(&["--log-statements"]);
    let ann = server.sign_up("ann");
    let people: Vec<Client> = (0..10).map(|n| server.sign_up(&format!("p{n}"))).collect();
    for n in 0..10 {
        ann.act(&format!("follow(name: \"p{n}\")"));
    }
    let first = ann.post("first");
    for n in 0..50_usize {
        let post = people[n % 10].reply(&first, &format!("#{n}x"));
        if n % 5 == 0 {
            people[(n + 1) % 10].act(&format!("repost(id: \"{post}\")"));
        }
    }
    let user = "{ name displayName postCount followerCount isFollowed followsMe }";
    let post = format!(
        "id text author {user} likeCount repostCount replyCount isLiked isReposted hashtags"
    );
    let feed = |first: usize| {
        format!(
            "{{ feed(first: {first}) {{ nodes {{ {post} replyTo {{ {post} }} repostOf {{ {post} replyTo {{ {post} }} }} }} pageInfo {{ endCursor }} }} }}"
        )
    };

    // The session, the feed and the posts that are answered or shown again, in two steps; for each of three
    // levels the authors with what is counted of them and what they are to me, and the same two of the posts.
    // Fewer where two of them meet.
    let at_most = 4 + 3 * 5;
    for first in [50, 5, 50, 20, 1] {
        let statements = statements(&server, &ann, &feed(first));
        assert!((8..=at_most).contains(&statements), "{first} posts: {statements}");
    }
}

fn a_post_costs_as_many_statements_however_many_wait_for_it(site: &Site) {
    let server = site.another(&["--log-statements"]);
    let people: Vec<Client> = (0..20).map(|n| server.sign_up(&format!("p{n}"))).collect();
    let first = people[0].post("first");
    let bare = "id text likeCount replyCount isLiked author { name displayName }";
    let query = format!("subscription {{ posts {{ {bare} replyTo {{ {bare} }} }} }}");
    let mut costs = Vec::new();
    let mut live = Vec::new();
    for watchers in [1, 20, 60] {
        while live.len() < watchers {
            live.push(Live::of(&server, &people[live.len() % 20], &query));
        }
        let before = printed(&server);
        people[0].reply(&first, "here");
        for one in &mut live {
            assert_eq!(one.next()["posts"]["replyTo"]["text"], "first");
        }
        costs.push(printed(&server) - before);
    }
    assert_eq!(costs[0], costs[1], "{costs:?}");
    assert_eq!(costs[0], costs[2], "{costs:?}");
}

/// How many statements the server carries out for this query.
fn statements(server: &Server, client: &Client, query: &str) -> usize {
    let before = printed(server);
    client.data(query);
    printed(server) - before
}

/// How many statements that read were printed, once there are no more: one may be printed after its answer.
/// Connections that begin have others of their own.
fn printed(server: &Server) -> usize {
    let is_one = |line: &&str| line.contains(": sql: summary=\"SELECT ");
    let count = || server.program.stderr().lines().filter(is_one).count();
    eventually_some(PATIENCE, || {
        let before = count();
        pass(Duration::from_millis(300));
        (count() == before).then_some(before)
    })
}
