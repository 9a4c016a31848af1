//! Sign-up, profiles, and who follows whom.

use serde_json::json;

use crate::harness::{PASSWORD, Site};

on_both! {
    somebody_new_is_logged_in,
    names_are_unique_whatever_the_case,
    a_profile_can_be_changed_in_part,
    following_is_seen_from_both_sides_and_counted_once,
    lists_of_followers_come_in_pages,
}

fn somebody_new_is_logged_in(site: &Site) {
    let ann = site.sign_up("Ann");

    let me =
        ann.data("{ me { name displayName bio postCount followerCount isFollowed createdAt } }");

    let created_at = me["me"]["createdAt"].as_str().unwrap();
    assert!(created_at.starts_with("20") && created_at.ends_with('Z'), "{created_at}");
    let want = json!({"name": "Ann", "displayName": "Ann", "bio": "", "postCount": 0,
        "followerCount": 0, "isFollowed": false, "createdAt": created_at});
    assert_eq!(me["me"], want);
    assert_eq!(site.server.client().data("{ me { name } }"), json!({"me": null}));
    assert_eq!(
        site.server.client().data("{ user(name: \"aNN\") { name } }")["user"]["name"],
        "Ann"
    );
}

fn names_are_unique_whatever_the_case(site: &Site) {
    site.sign_up("Ann");

    let query = |name: &str| {
        format!("mutation {{ signUp(name: \"{name}\", password: \"{PASSWORD}\") {{ token }} }}")
    };
    assert_eq!(site.server.client().error(&query("aNN")), (409, "CONFLICT".into()));

    site.sign_up("Ann_");
}

fn a_profile_can_be_changed_in_part(site: &Site) {
    let ann = site.sign_up("ann");

    ann.act("updateProfile(displayName: \"Ann of Kiwi \", bio: \"Birds\")");
    ann.act("updateProfile(bio: \"\")");

    assert_eq!(
        ann.data("{ me { displayName bio } }")["me"],
        json!({"displayName": "Ann of Kiwi", "bio": ""})
    );
    let too_long = format!("mutation {{ updateProfile(bio: \"{}\") {{ id }} }}", "x".repeat(161));
    assert_eq!(ann.error(&too_long), (400, "INVALID".into()));
}

fn following_is_seen_from_both_sides_and_counted_once(site: &Site) {
    let [ann, bob] = ["ann", "bob"].map(|name| site.sign_up(name));

    ann.act("follow(name: \"bob\")");
    ann.act("follow(name: \"BOB\")");

    let fields = "{ isFollowed followsMe isBlocked followerCount followingCount }";
    let of = |name: &str| format!("{{ user(name: \"{name}\") {fields} }}");
    assert_eq!(
        ann.data(&of("bob"))["user"],
        json!({"isFollowed": true, "followsMe": false,
        "isBlocked": false, "followerCount": 1, "followingCount": 0})
    );
    assert_eq!(
        bob.data(&of("ann"))["user"],
        json!({"isFollowed": false, "followsMe": true,
        "isBlocked": false, "followerCount": 0, "followingCount": 1})
    );

    ann.act("unfollow(name: \"bob\")");
    ann.act("unfollow(name: \"bob\")");
    assert_eq!(bob.data("{ me { followerCount } }")["me"]["followerCount"], 0);
    assert_eq!(ann.error("mutation { follow(name: \"ann\") { id } }"), (400, "INVALID".into()));
    assert_eq!(ann.error("mutation { follow(name: \"eve\") { id } }"), (404, "NOT_FOUND".into()));
}

fn lists_of_followers_come_in_pages(site: &Site) {
    let ann = site.sign_up("ann");
    for name in ["bob", "cat", "dan"] {
        site.sign_up(name).act("follow(name: \"ann\")");
    }

    let page = |after: &str| {
        let query = format!(
            "{{ me {{ followers(first: 2{after}) {{ nodes {{ name }} pageInfo {{ endCursor hasNextPage }} }} }} }}"
        );
        ann.data(&query)["me"]["followers"].clone()
    };
    let first = page("");
    assert_eq!(first["nodes"], json!([{"name": "dan"}, {"name": "cat"}]));
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let second = page(&format!(", after: {}", first["pageInfo"]["endCursor"]));
    assert_eq!(second["nodes"], json!([{"name": "bob"}]));
    assert_eq!(second["pageInfo"]["hasNextPage"], false);
}
