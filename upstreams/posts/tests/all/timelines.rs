//! Posts, and the lists they come in.

use serde_json::json;

use crate::harness::{Site, id};

on_both! {
    a_post_is_kept_as_it_was_written,
    posts_with_and_without_a_position_follow_one_another,
    the_feed_is_mine_and_of_those_i_follow_newest_first,
    pages_neither_repeat_nor_leave_out,
    replies_are_listed_oldest_first,
    reposts_and_likes_count_once,
    what_is_deleted_is_nowhere_any_more,
    tags_trend_by_people_then_posts,
    mentions_and_hashtags_are_found,
    what_trends_can_be_asked_for,
    a_search_that_was_given_up_goes_on_where_it_was,
    the_limit_of_characters_is_a_setting,
}

fn a_post_is_kept_as_it_was_written(site: &Site) {
    let ann = site.sign_up("ann");
    let text =
        "<script>alert('x')</script> \u{1f95d} \"#Kiwi\"; DROP TABLE posts; -- $1 @bob\nline";

    let query = "mutation($text: String!) { post(text: $text, position: {latitude: -0.5, longitude: 180}) { id } }";
    let post = id(&ann.data_with(query, json!({"text": format!("  {text}\n ")}))["post"]);

    let fields = "{ text hashtags mentions position { latitude longitude } author { name } replyTo { id } repostOf { id } }";
    let found = site.server.client().data(&format!("{{ post(id: \"{post}\") {fields} }}"));
    assert_eq!(
        found["post"],
        json!({"text": text, "hashtags": ["Kiwi"], "mentions": ["bob"],
        "position": {"latitude": -0.5, "longitude": 180.0}, "author": {"name": "ann"},
        "replyTo": null, "repostOf": null})
    );
    let raw =
        site.server.client().ask(&format!("{{ post(id: \"{post}\") {{ text }} }}"), json!({}));
    assert_eq!(raw.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(raw.header("x-content-type-options"), Some("nosniff"));
    assert!(raw.header("content-security-policy").unwrap().starts_with("default-src 'self'"));
}

/// One connection to the database serves both in turn.
fn posts_with_and_without_a_position_follow_one_another(site: &Site) {
    let ann = site.sign_up("ann");
    for (n, latitude) in [(0, None), (1, Some(0.1)), (2, None), (3, Some(-89.5))] {
        let position = latitude.map(|latitude| json!({"latitude": latitude, "longitude": 0.3}));
        let query = "mutation($text: String!, $position: PositionInput) \
                     { post(text: $text, position: $position) { position { latitude longitude } } }";
        let variables = json!({"text": format!("number {n}"), "position": position});

        let kept = ann.data_with(query, variables)["post"]["position"].clone();

        assert_eq!(kept, json!(position), "number {n}");
    }
}

fn the_feed_is_mine_and_of_those_i_follow_newest_first(site: &Site) {
    let [ann, bob, cat] = ["ann", "bob", "cat"].map(|name| site.sign_up(name));
    ann.act("follow(name: \"bob\")");
    bob.post("b1");
    ann.post("a1");
    let elsewhere = cat.post("c1");
    bob.post("b2");
    bob.act(&format!("repost(id: \"{elsewhere}\")"));

    assert_eq!(ann.texts("feed"), ["RT c1", "b2", "a1", "b1"]);
    assert_eq!(cat.texts("feed"), ["c1"]);
    assert_eq!(cat.texts("posts"), ["b2", "c1", "a1", "b1"]);
    let of_bob = cat.data("{ user(name: \"bob\") { postCount posts { nodes { text } } } }");
    assert_eq!(
        of_bob["user"],
        json!({"postCount": 3, "posts": {"nodes": [{"text": ""}, {"text": "b2"}, {"text": "b1"}]}})
    );
    assert_eq!(
        site.server.client().error("{ feed { nodes { id } } }"),
        (401, "UNAUTHENTICATED".into())
    );
}

fn pages_neither_repeat_nor_leave_out(site: &Site) {
    let [ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));
    ann.act("follow(name: \"bob\")");
    let post = |n: usize| [&ann, &bob][n % 2].post(&format!("p{n} #tag"));
    let mut all: Vec<String> = (0..11).map(post).collect();

    for list in ["feed(", "posts(", "search(query: \"tag\", ", "tagged(tag: \"tag\", "] {
        all.reverse();
        let (mut found, mut after, mut new) = (Vec::new(), String::new(), Vec::new());
        loop {
            let query = format!(
                "{{ list: {list}first: 4{after}) {{ nodes {{ id }} pageInfo {{ endCursor hasNextPage }} }} }}"
            );
            let page = ann.data(&query)["list"].clone();
            found.extend(page["nodes"].as_array().unwrap().iter().map(id));
            after = format!(", after: {}", page["pageInfo"]["endCursor"]);
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            // What is new does not shift the pages that follow.
            new.push(post(new.len()));
        }
        assert_eq!(found, all, "{list}");
        all.reverse();
        all.extend(new);
    }
}

fn replies_are_listed_oldest_first(site: &Site) {
    let [ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));
    let post = ann.post("question");
    let first = bob.reply(&post, "answer 1");
    ann.reply(&post, "answer 2");
    ann.reply(&first, "thanks");

    let found = bob.data(&format!("{{ post(id: \"{post}\") {{ replyCount replies {{ nodes {{ text replyTo {{ text }} }} }} }} }}"));

    assert_eq!(
        found["post"],
        json!({"replyCount": 2, "replies": {"nodes": [
        {"text": "answer 1", "replyTo": {"text": "question"}},
        {"text": "answer 2", "replyTo": {"text": "question"}}]}})
    );
}

fn reposts_and_likes_count_once(site: &Site) {
    let [ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));
    let post = ann.post("p");
    for _ in 0..2 {
        bob.act(&format!("repost(id: \"{post}\")"));
        bob.act(&format!("like(id: \"{post}\")"));
    }
    let repost = id(&bob.data("{ feed { nodes { id } } }")["feed"]["nodes"][0]);
    ann.act(&format!("like(id: \"{repost}\")"));

    let counts = |client: &crate::harness::Client| {
        client.data(&format!(
            "{{ post(id: \"{post}\") {{ likeCount repostCount isLiked isReposted }} }}"
        ))["post"]
            .clone()
    };
    assert_eq!(
        counts(&bob),
        json!({"likeCount": 2, "repostCount": 1, "isLiked": true, "isReposted": true})
    );
    assert_eq!(
        counts(&site.server.client()),
        json!({"likeCount": 2, "repostCount": 1, "isLiked": false, "isReposted": false})
    );

    bob.act(&format!("undoRepost(id: \"{post}\")"));
    bob.act(&format!("unlike(id: \"{post}\")"));
    assert_eq!(
        counts(&bob),
        json!({"likeCount": 1, "repostCount": 0, "isLiked": false, "isReposted": false})
    );
    assert_eq!(bob.texts("feed"), Vec::<String>::new());
}

fn what_is_deleted_is_nowhere_any_more(site: &Site) {
    let [ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));
    let query =
        "mutation { post(text: \"gone #gone\", position: {latitude: 1, longitude: 1}) { id } }";
    let post = id(&ann.data(query)["post"]);
    bob.act(&format!("repost(id: \"{post}\")"));
    bob.act(&format!("like(id: \"{post}\")"));
    bob.reply(&post, "reply");

    ann.act(&format!("deletePost(id: \"{post}\")"));

    assert_eq!(bob.texts("posts"), ["reply"]);
    assert_eq!(bob.texts("feed"), ["reply"]);
    for list in [
        "search(query: \"gone\")",
        "tagged(tag: \"gone\")",
        "search(near: {latitude: 1, longitude: 1, radiusKm: 5})",
    ] {
        assert_eq!(bob.texts(list), Vec::<String>::new(), "{list}");
    }
    assert_eq!(
        bob.data("{ trending { tag } posts { nodes { replyTo { id } } } }"),
        json!({"trending": [], "posts": {"nodes": [{"replyTo": null}]}})
    );
    let again = format!("mutation {{ deletePost(id: \"{post}\") }}");
    assert_eq!(ann.error(&again), (404, "NOT_FOUND".into()));
}

fn tags_trend_by_people_then_posts(site: &Site) {
    let [ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));
    for n in 0..3 {
        ann.post(&format!("{n} #loud #Both"));
    }
    bob.post("#both and #quiet");

    let trends = ann.data("{ trending(hours: 1, first: 2) { tag postCount userCount } }");

    assert_eq!(
        trends["trending"],
        json!([
        {"tag": "both", "postCount": 4, "userCount": 2}, {"tag": "loud", "postCount": 3, "userCount": 1}])
    );
    for hours in [0, 169] {
        assert_eq!(
            ann.error(&format!("{{ trending(hours: {hours}) {{ tag }} }}")),
            (400, "INVALID".into())
        );
    }
    // The moment of a post is in its id: 22 bits below the milliseconds.
    let eight_days = (8 * 24 * 3600 * 1000_i64) << 22;
    for sql in [
        format!(
            "INSERT INTO posts (id, author_id, text, lang, created_at) SELECT id - {eight_days}, author_id, '', 'und', 0 FROM posts"
        ),
        format!("UPDATE post_tags SET post_id = post_id - {eight_days}"),
    ] {
        site.sql(&sql);
    }
    assert_eq!(ann.data("{ trending(hours: 168) { tag } }")["trending"], json!([]));
}

fn mentions_and_hashtags_are_found(site: &Site) {
    let [ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));
    bob.post("hello @Ann #Café");
    bob.post("hello annabel");
    ann.post("me, @ann");

    assert_eq!(ann.texts("mentions"), ["hello @Ann #Café"]);
    assert_eq!(ann.texts("search(query: \"@ann\")"), ["me, @ann", "hello @Ann #Café"]);
    for tag in ["cafe", "#CAFÉ"] {
        assert_eq!(ann.texts(&format!("tagged(tag: \"{tag}\")")), ["hello @Ann #Café"], "{tag}");
    }
    assert_eq!(ann.texts("tagged(tag: \"two words\")"), [""; 0]);
    for tag in ["", "#", "1", "?!"] {
        let query = format!("{{ tagged(tag: \"{tag}\") {{ nodes {{ id }} }} }}");
        assert_eq!(ann.error(&query), (400, "INVALID".into()), "{tag}");
    }
}

/// Folded, a tag may have characters that no tag is written with.
fn what_trends_can_be_asked_for(site: &Site) {
    let ann = site.sign_up("ann");
    for text in ["#½price", "#ﷺ", "#Straße"] {
        ann.post(text);

        let trends = ann.data("{ trending { tag } }")["trending"].clone();
        let tag = trends[0]["tag"].as_str().unwrap();
        assert_eq!(ann.texts(&format!("tagged(tag: \"{tag}\")")), [text], "{tag}");

        ann.act(&format!(
            "deletePost(id: \"{}\")",
            id(&ann.data("{ posts { nodes { id } } }")["posts"]["nodes"][0])
        ));
    }
}

fn a_search_that_was_given_up_goes_on_where_it_was(site: &Site) {
    site.sql("INSERT INTO users VALUES (1, 'sea', 'sea', '', '', '', '', 0)");
    site.sql(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) \
         INSERT INTO posts SELECT i, 1, CASE i WHEN 2 THEN 'http://a.b' ELSE 'buoy' END, 'en', 0, \
         NULL, NULL, NULL, NULL FROM n",
    );
    let client = site.server.client();
    let page = |after: &str| {
        let list = format!("search(query: \"filter:links -coffee\", first: 3{after})");
        let query =
            format!("{{ {list} {{ nodes {{ id }} pageInfo {{ endCursor hasNextPage }} }} }}");
        client.data(&query)["search"].clone()
    };

    let mut found = page("");
    let mut pages = 1;
    while found["nodes"] == json!([]) {
        assert_eq!(found["pageInfo"]["hasNextPage"], true);
        let cursor = found["pageInfo"]["endCursor"].as_str().unwrap();
        found = page(&format!(", after: \"{cursor}\""));
        pages += 1;
    }

    assert!((2..=12).contains(&pages), "{pages}");
    assert_eq!(
        found,
        json!({"nodes": [{"id": "2"}], "pageInfo": {"endCursor": "2", "hasNextPage": false}})
    );
}

fn the_limit_of_characters_is_a_setting(site: &Site) {
    assert_eq!(site.server.client().data("{ postCharacters }")["postCharacters"], 280);
    let server = site.another(&["--post-characters", "140"]);
    let ann = server.sign_up("ann");
    assert_eq!(ann.data("{ postCharacters }")["postCharacters"], 140);

    ann.post(&"e\u{301}".repeat(140));
    let long = format!("mutation {{ post(text: \"{}\") {{ id }} }}", "x".repeat(141));
    assert_eq!(ann.error(&long), (400, "INVALID".into()));
}
