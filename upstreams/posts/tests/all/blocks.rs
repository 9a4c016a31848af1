//! A block hides each of the two from the other, everywhere.

use serde_json::{Value, json};

use crate::harness::{Client, Site, id};

on_both! {
    neither_sees_the_other_anywhere,
    neither_can_do_anything_to_the_other,
    a_block_ends_following_and_unblocking_does_not_bring_it_back,
    who_is_blocked_is_known_by_name_alone,
    others_see_both,
    a_repost_of_who_is_hidden_can_be_taken_back,
}

/// Two who know each other well, and a third who reposts both.
struct Scene {
    ann: Client,
    bob: Client,
    cat: Client,
    post_of: [String; 2],
}

impl Scene {
    fn new(site: &Site) -> Self {
        let [ann, bob, cat] = ["ann", "bob", "cat"].map(|name| site.sign_up(name));
        ann.act("follow(name: \"bob\")");
        bob.act("follow(name: \"ann\")");
        ann.act("follow(name: \"cat\")");
        bob.act("follow(name: \"cat\")");
        let by_ann = ann.post("by ann #tag @bob");
        let by_bob = bob.post("by bob #tag @ann");
        ann.reply(&by_bob, "reply of ann");
        bob.reply(&by_ann, "reply of bob");
        cat.act(&format!("repost(id: \"{by_ann}\")"));
        cat.act(&format!("repost(id: \"{by_bob}\")"));
        Self { ann, bob, cat, post_of: [by_ann, by_bob] }
    }

    /// Each of the two, with the name and the post of the other.
    fn sides(&self) -> [(&Client, &'static str, &'static str, &String); 2] {
        [(&self.ann, "ann", "bob", &self.post_of[1]), (&self.bob, "bob", "ann", &self.post_of[0])]
    }
}

fn neither_sees_the_other_anywhere(site: &Site) {
    let scene = Scene::new(site);
    for (viewer, _, other, _) in scene.sides() {
        for list in lists(other) {
            let shown = viewer.texts(&list);
            let is_there = shown.iter().any(|text| {
                text.contains(&format!("by {other}")) || text.contains(&format!("of {other}"))
            });
            assert!(is_there, "before the block: {list} {shown:?}");
        }
    }

    scene.ann.act("block(name: \"bob\")");

    for (viewer, me, other, post) in scene.sides() {
        for list in lists(other) {
            let shown = viewer.texts(&list);
            let is_there = shown.iter().any(|text| {
                text.contains(&format!("by {other}")) || text.contains(&format!("of {other}"))
            });
            assert!(!is_there, "{me}: {list} {shown:?}");
        }
        assert_eq!(
            viewer.data(&format!("{{ user(name: \"{other}\") {{ id }} }}"))["user"],
            Value::Null
        );
        assert_eq!(
            viewer.data(&format!("{{ post(id: \"{post}\") {{ id }} }}"))["post"],
            Value::Null
        );
        // My own reply to a hidden post is there, but does not show the post; hidden replies do not count.
        let own = viewer.data("{ me { posts { nodes { text replyTo { text } replyCount replies { nodes { id } } } } } }");
        assert_eq!(
            own["me"]["posts"]["nodes"],
            json!([
            {"text": format!("reply of {me}"), "replyTo": null, "replyCount": 0, "replies": {"nodes": []}},
            {"text": format!("by {me} #tag @{other}"), "replyTo": null, "replyCount": 0, "replies": {"nodes": []}}])
        );
        let around = viewer.data("{ user(name: \"cat\") { followers { nodes { name } } } }");
        assert_eq!(around["user"]["followers"]["nodes"], json!([{"name": me}]));
    }
}

/// Lists in which a post of `other` would be.
fn lists(other: &str) -> [String; 7] {
    [
        "feed".into(),
        "posts".into(),
        "search(query: \"by\")".into(),
        format!("search(query: \"from:{other}\")"),
        "search(query: \"by OR of OR reply\")".into(),
        "tagged(tag: \"tag\")".into(),
        "mentions".into(),
    ]
}

fn neither_can_do_anything_to_the_other(site: &Site) {
    let scene = Scene::new(site);
    scene.bob.act("block(name: \"ann\")");

    for (viewer, me, other, post) in scene.sides() {
        for mutation in [
            format!("like(id: \"{post}\") {{ id }}"),
            format!("unlike(id: \"{post}\") {{ id }}"),
            format!("repost(id: \"{post}\") {{ id }}"),
            format!("undoRepost(id: \"{post}\") {{ id }}"),
            format!("deletePost(id: \"{post}\")"),
            format!("post(text: \"x\", replyTo: \"{post}\") {{ id }}"),
            format!("follow(name: \"{other}\") {{ id }}"),
            format!("unfollow(name: \"{other}\") {{ id }}"),
        ] {
            let error = viewer.error(&format!("mutation {{ {mutation} }}"));
            assert_eq!(error, (404, "NOT_FOUND".into()), "{me}: {mutation}");
        }
        let cat_s_reposts =
            scene.cat.data("{ me { posts { nodes { id repostOf { author { name } } } } } }");
        let reposts = cat_s_reposts["me"]["posts"]["nodes"].as_array().unwrap();
        let hidden =
            reposts.iter().find(|post| post["repostOf"]["author"]["name"] == other).unwrap();
        let error = viewer.error(&format!("mutation {{ like(id: \"{}\") {{ id }} }}", id(hidden)));
        assert_eq!(error, (404, "NOT_FOUND".into()), "{me}: a repost of {other}");
    }
    for post in &scene.post_of {
        let counts = scene
            .cat
            .data(&format!("{{ post(id: \"{post}\") {{ likeCount repostCount replyCount }} }}"));
        assert_eq!(counts["post"], json!({"likeCount": 0, "repostCount": 1, "replyCount": 1}));
    }
}

fn a_block_ends_following_and_unblocking_does_not_bring_it_back(site: &Site) {
    let scene = Scene::new(site);
    scene.ann.act("block(name: \"bob\")");
    scene.ann.act("block(name: \"bob\")");
    scene.bob.act("block(name: \"ann\")");
    scene.ann.act("unblock(name: \"bob\")");
    let user = "{ user(name: \"bob\") { isFollowed followsMe isBlocked followerCount } }";
    assert_eq!(scene.ann.data(user)["user"], Value::Null, "bob blocks ann too");

    scene.bob.act("unblock(name: \"ann\")");
    scene.bob.act("unblock(name: \"ann\")");

    assert_eq!(
        scene.ann.data(user)["user"],
        json!({"isFollowed": false, "followsMe": false,
        "isBlocked": false, "followerCount": 0})
    );
    assert_eq!(scene.ann.texts("search(query: \"from:bob\")").len(), 2);
    assert_eq!(
        scene.ann.error("mutation { block(name: \"ann\") { id } }"),
        (400, "INVALID".into())
    );
    assert_eq!(
        scene.ann.error("mutation { block(name: \"eve\") { id } }"),
        (404, "NOT_FOUND".into())
    );
}

fn who_is_blocked_is_known_by_name_alone(site: &Site) {
    let scene = Scene::new(site);
    scene.bob.act("updateProfile(displayName: \"Bob the Builder\", bio: \"secret\")");

    let fields = "{ name displayName bio isBlocked followerCount postCount posts { nodes { id } } followers { nodes { id } } }";
    let veiled = scene.ann.data(&format!("mutation {{ block(name: \"bob\") {fields} }}"));
    let want = json!({"name": "bob", "displayName": "bob", "bio": "", "isBlocked": true,
        "followerCount": 0, "postCount": 0, "posts": {"nodes": []}, "followers": {"nodes": []}});
    assert_eq!(veiled["block"], want);
    let blocked = scene.ann.data(&format!("{{ blocked {{ nodes {fields} }} }}"));
    assert_eq!(blocked["blocked"]["nodes"], json!([want]));
    assert_eq!(scene.bob.data("{ blocked { nodes { id } } }")["blocked"]["nodes"], json!([]));
}

fn others_see_both(site: &Site) {
    let scene = Scene::new(site);
    scene.ann.act("block(name: \"bob\")");

    for client in [&scene.cat, &site.server.client()] {
        assert_eq!(client.texts("posts").len(), 4);
        let counts =
            client.data(&format!("{{ post(id: \"{}\") {{ replyCount }} }}", scene.post_of[0]));
        assert_eq!(counts["post"]["replyCount"], 1);
    }
    assert_eq!(scene.cat.texts("feed"), ["RT by bob #tag @ann", "RT by ann #tag @bob"]);
}

fn a_repost_of_who_is_hidden_can_be_taken_back(site: &Site) {
    let [ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));
    let posts = ["one", "two", "three"].map(|text| bob.post(text));
    for post in &posts {
        ann.act(&format!("repost(id: \"{post}\")"));
    }
    let shown = ann.data("{ feed { nodes { id repostOf { text } } } }")["feed"]["nodes"].clone();
    let repost_of = |text: &str| {
        let nodes = shown.as_array().unwrap();
        id(nodes.iter().find(|post| post["repostOf"]["text"] == text).unwrap())
    };
    bob.act("block(name: \"ann\")");

    let by_post = ann.data(&format!("mutation {{ undoRepost(id: \"{}\") {{ id }} }}", posts[0]));
    let by_repost =
        ann.data(&format!("mutation {{ undoRepost(id: \"{}\") {{ id }} }}", repost_of("two")));
    ann.act(&format!("deletePost(id: \"{}\")", repost_of("three")));

    assert_eq!((&by_post["undoRepost"], &by_repost["undoRepost"]), (&Value::Null, &Value::Null));
    let reposts = bob.data("{ posts { nodes { repostCount } } }")["posts"]["nodes"].clone();
    assert_eq!(reposts, json!([{"repostCount": 0}, {"repostCount": 0}, {"repostCount": 0}]));
    let again = format!("mutation {{ undoRepost(id: \"{}\") {{ id }} }}", posts[0]);
    assert_eq!(ann.error(&again), (404, "NOT_FOUND".into()));
}
