//! Answers, from the query string to the last character.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use herd_places::{Builder, LatLng, Nearby, Place, load};
use serde_json::Value;

#[test]
fn an_answer_looks_like_googles() {
    let mut builder = Builder::default();
    builder.attribute("<a href=\"https://example.org/\">Example</a>");
    builder
        .push(&Place {
            types: "locality|political",
            vicinity: "California, United States",
            ..place("geonames:1", "Los Ángeles", 34.05223, -118.24368)
        })
        .unwrap();
    builder.push(&place("own:1", "A & \"B\"", 34.0, -118.25)).unwrap();
    let nearby = Nearby::new(builder.build(), None);

    let expected = r#"{
   "html_attributions" : [ "\u003ca href=\"https://example.org/\"\u003eExample\u003c/a\u003e" ],
   "results" : [
      {
         "geometry" : {
            "location" : {
               "lat" : 34.05223,
               "lng" : -118.24368
            },
            "viewport" : {
               "northeast" : {
                  "lat" : 34.053579,
                  "lng" : -118.242331
               },
               "southwest" : {
                  "lat" : 34.050881,
                  "lng" : -118.245029
               }
            }
         },
         "name" : "Los Ángeles",
         "place_id" : "geonames:1",
         "reference" : "geonames:1",
         "scope" : "APP",
         "types" : [ "locality", "political" ],
         "vicinity" : "California, United States"
      },
      {
         "geometry" : {
            "location" : {
               "lat" : 34.0,
               "lng" : -118.25
            },
            "viewport" : {
               "northeast" : {
                  "lat" : 34.001349,
                  "lng" : -118.248651
               },
               "southwest" : {
                  "lat" : 33.998651,
                  "lng" : -118.251349
               }
            }
         },
         "name" : "A \u0026 \"B\"",
         "place_id" : "own:1",
         "reference" : "own:1",
         "scope" : "APP",
         "types" : []
      }
   ],
   "status" : "OK"
}
"#;
    assert_eq!(nearby.answer("location=34.05223,-118.24368&radius=10000"), expected);
}

#[test]
fn nothing_found_is_said_as_google_says_it() {
    let nearby = grid(3, None);

    let expected = "{\n   \"html_attributions\" : [],\n   \"results\" : [],\n   \"status\" : \"ZERO_RESULTS\"\n}\n";
    assert_eq!(nearby.answer("location=-40,100&radius=50000"), expected);
    assert_eq!(nearby.answer("location=-40,100&radius=0"), expected);
}

#[test]
fn an_invalid_request_says_which_parameter() {
    let nearby = grid(3, None);

    let expected = r#"{
   "error_message" : "`location` is missing.",
   "html_attributions" : [],
   "results" : [],
   "status" : "INVALID_REQUEST"
}
"#;
    assert_eq!(nearby.answer("radius=5"), expected);
    let answer = json(&nearby, "location=0,0&radius=50001");
    assert_eq!(answer["status"], "INVALID_REQUEST");
    assert!(answer["error_message"].as_str().unwrap().contains("`radius`"));
}

#[test]
fn a_key_is_asked_for_where_there_is_one() {
    let nearby = grid(3, Some("sesame"));
    let status = |query: &str| json(&nearby, query)["status"].as_str().unwrap().to_owned();

    assert_eq!(status("location=0,0&radius=9999&key=sesame"), "OK");
    for denied in ["", "&key=", "&key=sesam", "&key=sesame2", "&key=SESAME"] {
        assert_eq!(status(&format!("location=0,0&radius=9999{denied}")), "REQUEST_DENIED");
    }
    assert_eq!(status("key=wrong"), "REQUEST_DENIED");
    assert!(json(&nearby, "")["error_message"].is_string());
    assert_eq!(json(&grid(3, None), "location=0,0&radius=9999&key=any")["status"], "OK");
}

#[test]
fn pages_of_twenty_go_up_to_sixty_without_a_gap() {
    for (places, pages) in
        [(1, vec![1]), (20, vec![20]), (21, vec![20, 1]), (100, vec![20, 20, 20])]
    {
        let nearby = grid(places, None);
        for query in ["location=0,0&radius=9999", "location=0,0&rankby=distance&keyword=place"] {
            let found = all_pages(&nearby, query);

            assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), pages, "{query}");
            let found: Vec<&String> = found.iter().flatten().collect();
            let nearest: Vec<String> =
                (0..places.min(60)).map(|n| format!("Place {n:03}")).collect();
            assert_eq!(found, nearest.iter().collect::<Vec<_>>());
        }
    }
}

#[test]
fn beside_a_page_token_only_the_key_counts() {
    let nearby = grid(30, Some("sesame"));
    let first = json(&nearby, "location=0,0&radius=9999&key=sesame");
    let token = first["next_page_token"].as_str().unwrap();

    let next = json(&nearby, &format!("pagetoken={token}&location=nonsense&key=sesame"));
    assert_eq!(next["status"], "OK");
    assert_eq!(next["results"].as_array().unwrap().len(), 10);
    assert_eq!(json(&nearby, &format!("pagetoken={token}"))["status"], "REQUEST_DENIED");
}

#[test]
fn a_page_token_is_good_wherever_the_key_is_and_nowhere_else() {
    let first = json(&grid(30, None), "location=0,0&radius=9999");
    let token = first["next_page_token"].as_str().unwrap();

    assert_eq!(json(&grid(30, None), &format!("pagetoken={token}"))["status"], "OK");
    let elsewhere = json(&grid(30, Some("K")), &format!("pagetoken={token}&key=K"));
    assert_eq!(elsewhere["status"], "INVALID_REQUEST");
    for garbage in ["x", "%00%ff", &token[1..], &format!("{token}A")] {
        let answer = json(&grid(30, None), &format!("pagetoken={garbage}"));
        assert_eq!(answer["status"], "INVALID_REQUEST", "{garbage}");
        assert!(answer["error_message"].as_str().unwrap().contains("`pagetoken`"));
    }
}

#[test]
fn a_viewport_ends_at_the_poles_and_goes_on_over_the_date_line() {
    let mut builder = Builder::default();
    builder.push(&place("a", "Pole", 90.0, 0.0)).unwrap();
    builder.push(&place("b", "Line", 0.0, 180.0)).unwrap();
    let nearby = Nearby::new(builder.build(), None);
    let viewport = |query| json(&nearby, query)["results"][0]["geometry"]["viewport"].clone();

    assert_eq!(viewport("location=90,0&radius=1")["northeast"]["lat"], 90.0);
    let over_the_line = viewport("location=0,-180&radius=1");
    assert_eq!(over_the_line["northeast"]["lng"], -179.998651);
    assert_eq!(over_the_line["southwest"]["lng"], 179.998651);
}

#[test]
fn the_built_in_places_answer_with_their_attribution() {
    let nearby = Nearby::new(load::built_in(), None);

    let answer = json(&nearby, "location=34.068930,-118.445127&radius=50000");
    assert_eq!(answer["status"], "OK");
    assert_eq!(answer["results"][0]["name"], "Los Angeles");
    assert!(answer["html_attributions"][0].as_str().unwrap().contains("CC BY 4.0"));
    assert!(answer["next_page_token"].is_string());
}

/// Places along the equator, each a little farther from its zero than the one before.
fn grid(places: u32, key: Option<&str>) -> Nearby {
    let mut builder = Builder::default();
    for n in 0..places {
        let (id, name) = (format!("own:{n}"), format!("Place {n:03}"));
        builder.push(&place(&id, &name, 0.0, f64::from(n) / 10_000.0)).unwrap();
    }
    Nearby::new(builder.build(), key.map(str::to_owned))
}

fn place<'a>(id: &'a str, name: &'a str, lat: f64, lng: f64) -> Place<'a> {
    let location = LatLng::new(lat, lng).unwrap();
    Place { id, name, location, types: "", vicinity: "", prominence: 0.0 }
}

/// The names on every page that an answer leads to.
fn all_pages(nearby: &Nearby, first: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut query = first.to_owned();
    loop {
        let answer = json(nearby, &query);
        assert_eq!(answer["status"], "OK");
        let names = answer["results"].as_array().unwrap().iter();
        pages.push(names.map(|result| result["name"].as_str().unwrap().to_owned()).collect());
        let Some(token) = answer["next_page_token"].as_str() else { return pages };
        query = format!("pagetoken={token}");
    }
}

fn json(nearby: &Nearby, query: &str) -> Value {
    serde_json::from_str(&nearby.answer(query)).unwrap()
}
