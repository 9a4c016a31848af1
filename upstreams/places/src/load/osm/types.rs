//! What OpenStreetMap's tags are in Google's types.
//!
//! The left side is from <https://wiki.openstreetmap.org/wiki/Map_features>: the values there that name a
//! place somebody would look for. The right side is from
//! <https://developers.google.com/maps/documentation/places/web-service/legacy/supported_types>, tables 1 and 2,
//! the types of Nearby Search. Google publishes no such table: which belongs to which is read from the two
//! descriptions. A value that is not here gets its key's last line, `*`, where there is one, and else
//! is none of a place's tags.

/// The types of a place with these tags, most specific first, or nothing where none says what it is.
pub(super) fn types<'a>(tag: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let mut types: Vec<&str> = Vec::new();
    for (key, values) in TABLE {
        // `amenity=bar;restaurant` is two.
        for value in tag(key).into_iter().flat_map(|value| value.split(';')).map(str::trim) {
            let line = values.iter().find(|(known, _)| *known == value || *known == "*");
            let denied = matches!(value, "" | "no" | "vacant");
            types.extend(line.filter(|_| !denied).into_iter().flat_map(|(_, types)| *types));
        }
    }
    if types.contains(&"place_of_worship") {
        let religion = tag("religion");
        let kind = RELIGIONS.iter().find(|(known, _)| Some(*known) == religion);
        types.splice(0..0, kind.map(|(_, kind)| *kind));
    }
    if types.is_empty() {
        return None;
    }
    // As Google has them, the general ones last.
    if !types.contains(&"political") && !types.contains(&"natural_feature") {
        types.extend(["point_of_interest", "establishment"]);
    }
    let mut seen = Vec::with_capacity(types.len());
    for one in types {
        if !seen.contains(&one) {
            seen.push(one);
        }
    }
    Some(seen.join("|"))
}

const RELIGIONS: [(&str, &str); 4] = [
    ("christian", "church"),
    ("hindu", "hindu_temple"),
    ("jewish", "synagogue"),
    ("muslim", "mosque"),
];

type Values = &'static [(&'static str, &'static [&'static str])];

const TABLE: [(&str, Values); 13] = [
    ("amenity", AMENITIES),
    ("shop", SHOPS),
    ("tourism", TOURISM),
    ("leisure", LEISURE),
    ("healthcare", HEALTHCARE),
    ("office", OFFICES),
    ("craft", CRAFTS),
    ("railway", RAILWAYS),
    ("public_transport", &[("station", &["transit_station"])]),
    ("aeroway", &[("aerodrome", &["airport"]), ("terminal", &["airport"])]),
    ("historic", HISTORIC),
    ("natural", NATURAL),
    ("place", SETTLEMENTS),
];

const AMENITIES: Values = &[
    ("arts_centre", &["art_gallery"]),
    ("atm", &["atm", "finance"]),
    ("bank", &["bank", "finance"]),
    ("bar", &["bar", "food"]),
    ("biergarten", &["bar", "food"]),
    ("bureau_de_change", &["finance"]),
    ("bus_station", &["bus_station", "transit_station"]),
    ("cafe", &["cafe", "food"]),
    ("car_rental", &["car_rental"]),
    ("car_wash", &["car_wash"]),
    ("casino", &["casino"]),
    ("cinema", &["movie_theater"]),
    ("clinic", &["doctor", "health"]),
    ("college", &["university", "school"]),
    ("courthouse", &["courthouse", "local_government_office"]),
    ("crematorium", &["funeral_home"]),
    ("dentist", &["dentist", "health"]),
    ("doctors", &["doctor", "health"]),
    ("embassy", &["embassy"]),
    ("fast_food", &["meal_takeaway", "restaurant", "food"]),
    ("ferry_terminal", &["transit_station"]),
    ("fire_station", &["fire_station"]),
    ("food_court", &["restaurant", "food"]),
    ("fuel", &["gas_station"]),
    ("funeral_hall", &["funeral_home"]),
    ("grave_yard", &["cemetery"]),
    ("hospital", &["hospital", "health"]),
    ("ice_cream", &["food", "store"]),
    ("kindergarten", &["school"]),
    ("language_school", &["school"]),
    ("library", &["library"]),
    ("marketplace", &["shopping_mall"]),
    ("music_school", &["school"]),
    ("nightclub", &["night_club", "bar"]),
    ("parking", &["parking"]),
    ("pharmacy", &["pharmacy", "drugstore", "health", "store"]),
    ("place_of_worship", &["place_of_worship"]),
    ("police", &["police"]),
    ("post_office", &["post_office"]),
    ("prep_school", &["school"]),
    ("pub", &["bar", "food"]),
    ("restaurant", &["restaurant", "food"]),
    ("school", &["school"]),
    ("taxi", &["taxi_stand"]),
    ("theatre", &["point_of_interest"]),
    ("townhall", &["city_hall", "local_government_office"]),
    ("university", &["university"]),
    ("veterinary", &["veterinary_care"]),
    ("*", &["point_of_interest"]),
];

const SHOPS: Values = &[
    ("alcohol", &["liquor_store", "store"]),
    ("bakery", &["bakery", "food", "store"]),
    ("beauty", &["beauty_salon"]),
    ("beverages", &["liquor_store", "store"]),
    ("bicycle", &["bicycle_store", "store"]),
    ("books", &["book_store", "store"]),
    ("boutique", &["clothing_store", "store"]),
    ("butcher", &["food", "store"]),
    ("car", &["car_dealer", "store"]),
    ("car_parts", &["car_repair", "store"]),
    ("car_repair", &["car_repair"]),
    ("chemist", &["drugstore", "store"]),
    ("clothes", &["clothing_store", "store"]),
    ("coffee", &["cafe", "food", "store"]),
    ("computer", &["electronics_store", "store"]),
    ("confectionery", &["bakery", "food", "store"]),
    ("convenience", &["convenience_store", "food", "store"]),
    ("deli", &["food", "store"]),
    ("department_store", &["department_store", "store"]),
    ("doityourself", &["hardware_store", "home_goods_store", "store"]),
    ("dry_cleaning", &["laundry"]),
    ("electronics", &["electronics_store", "store"]),
    ("florist", &["florist", "store"]),
    ("funeral_directors", &["funeral_home"]),
    ("furniture", &["furniture_store", "home_goods_store", "store"]),
    ("general", &["convenience_store", "store"]),
    ("greengrocer", &["food", "store"]),
    ("hairdresser", &["hair_care", "beauty_salon"]),
    ("hardware", &["hardware_store", "store"]),
    ("houseware", &["home_goods_store", "store"]),
    ("interior_decoration", &["home_goods_store", "store"]),
    ("jewelry", &["jewelry_store", "store"]),
    ("kiosk", &["convenience_store", "store"]),
    ("laundry", &["laundry"]),
    ("locksmith", &["locksmith", "store"]),
    ("mall", &["shopping_mall"]),
    ("massage", &["spa"]),
    ("mobile_phone", &["electronics_store", "store"]),
    ("pastry", &["bakery", "food", "store"]),
    ("pet", &["pet_store", "store"]),
    ("seafood", &["food", "store"]),
    ("shoes", &["shoe_store", "clothing_store", "store"]),
    ("storage_rental", &["storage"]),
    ("supermarket", &["supermarket", "grocery_or_supermarket", "food", "store"]),
    ("travel_agency", &["travel_agency"]),
    ("video", &["movie_rental", "store"]),
    ("wine", &["liquor_store", "store"]),
    ("*", &["store"]),
];

const TOURISM: Values = &[
    ("alpine_hut", &["lodging"]),
    ("apartment", &["lodging"]),
    ("aquarium", &["aquarium", "tourist_attraction"]),
    ("artwork", &["tourist_attraction"]),
    ("attraction", &["tourist_attraction"]),
    ("camp_site", &["campground", "lodging"]),
    ("caravan_site", &["rv_park", "campground", "lodging"]),
    ("chalet", &["lodging"]),
    ("gallery", &["art_gallery"]),
    ("guest_house", &["lodging"]),
    ("hostel", &["lodging"]),
    ("hotel", &["lodging"]),
    ("motel", &["lodging"]),
    ("museum", &["museum", "tourist_attraction"]),
    ("theme_park", &["amusement_park", "tourist_attraction"]),
    ("viewpoint", &["tourist_attraction"]),
    ("wilderness_hut", &["lodging"]),
    ("zoo", &["zoo", "tourist_attraction"]),
    ("*", &["point_of_interest"]),
];

const LEISURE: Values = &[
    ("bowling_alley", &["bowling_alley"]),
    ("fitness_centre", &["gym", "health"]),
    ("garden", &["park"]),
    ("nature_reserve", &["park"]),
    ("park", &["park"]),
    ("playground", &["park"]),
    ("sauna", &["spa"]),
    ("sports_centre", &["gym"]),
    ("stadium", &["stadium"]),
    ("water_park", &["amusement_park"]),
    ("*", &["point_of_interest"]),
];

const HEALTHCARE: Values = &[
    ("clinic", &["doctor", "health"]),
    ("dentist", &["dentist", "health"]),
    ("doctor", &["doctor", "health"]),
    ("hospital", &["hospital", "health"]),
    ("pharmacy", &["pharmacy", "health", "store"]),
    ("physiotherapist", &["physiotherapist", "health"]),
    ("*", &["health"]),
];

const OFFICES: Values = &[
    ("accountant", &["accounting", "finance"]),
    ("diplomatic", &["embassy"]),
    ("estate_agent", &["real_estate_agency"]),
    ("financial", &["finance"]),
    ("government", &["local_government_office"]),
    ("insurance", &["insurance_agency"]),
    ("lawyer", &["lawyer"]),
    ("moving_company", &["moving_company"]),
    ("tax_advisor", &["accounting", "finance"]),
    ("travel_agent", &["travel_agency"]),
    ("*", &["point_of_interest"]),
];

const CRAFTS: Values = &[
    ("bakery", &["bakery", "food", "store"]),
    ("builder", &["general_contractor"]),
    ("electrician", &["electrician"]),
    ("locksmith", &["locksmith"]),
    ("painter", &["painter"]),
    ("plumber", &["plumber"]),
    ("roofer", &["roofing_contractor"]),
    ("*", &["point_of_interest"]),
];

const RAILWAYS: Values = &[
    ("halt", &["train_station", "transit_station"]),
    ("station", &["train_station", "transit_station"]),
    ("subway_entrance", &["subway_station", "transit_station"]),
    ("tram_stop", &["light_rail_station", "transit_station"]),
];

const HISTORIC: Values = &[
    ("archaeological_site", &["tourist_attraction"]),
    ("castle", &["tourist_attraction"]),
    ("city_gate", &["tourist_attraction"]),
    ("fort", &["tourist_attraction"]),
    ("memorial", &["landmark"]),
    ("monument", &["landmark", "tourist_attraction"]),
    ("ruins", &["tourist_attraction"]),
    ("ship", &["tourist_attraction"]),
];

const NATURAL: Values = &[
    ("arch", &["natural_feature"]),
    ("bay", &["natural_feature"]),
    ("beach", &["natural_feature"]),
    ("cape", &["natural_feature"]),
    ("cave_entrance", &["natural_feature"]),
    ("cliff", &["natural_feature"]),
    ("dune", &["natural_feature"]),
    ("fumarole", &["natural_feature"]),
    ("geyser", &["natural_feature"]),
    ("glacier", &["natural_feature"]),
    ("gorge", &["natural_feature"]),
    ("hill", &["natural_feature"]),
    ("hot_spring", &["natural_feature"]),
    ("isthmus", &["natural_feature"]),
    ("peak", &["natural_feature"]),
    ("peninsula", &["natural_feature"]),
    ("plateau", &["natural_feature"]),
    ("reef", &["natural_feature"]),
    ("ridge", &["natural_feature"]),
    ("rock", &["natural_feature"]),
    ("saddle", &["natural_feature"]),
    ("shoal", &["natural_feature"]),
    ("spring", &["natural_feature"]),
    ("strait", &["natural_feature"]),
    ("valley", &["natural_feature"]),
    ("volcano", &["natural_feature"]),
    ("water", &["natural_feature"]),
];

const SETTLEMENTS: Values = &[
    ("archipelago", &["archipelago", "natural_feature"]),
    ("borough", &["sublocality", "political"]),
    ("city", &["locality", "political"]),
    ("hamlet", &["locality", "political"]),
    ("island", &["natural_feature"]),
    ("islet", &["natural_feature"]),
    ("neighbourhood", &["neighborhood", "political"]),
    ("quarter", &["neighborhood", "political"]),
    ("square", &["town_square"]),
    ("suburb", &["sublocality", "political"]),
    ("town", &["locality", "political"]),
    ("village", &["locality", "political"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tags: &[(&str, &str)]) -> Option<String> {
        types(|key| tags.iter().find(|(known, _)| *known == key).map(|(_, value)| *value))
    }

    #[test]
    fn tags_become_types_the_most_specific_first() {
        for (tags, expected) in [
            (&[("amenity", "bar")][..], "bar|food|point_of_interest|establishment"),
            (&[("shop", "wool")], "store|point_of_interest|establishment"),
            (
                &[("shop", "bakery"), ("amenity", "cafe")],
                "cafe|food|bakery|store|point_of_interest|establishment",
            ),
            (&[("amenity", "bank;atm")], "bank|finance|atm|point_of_interest|establishment"),
            (&[("place", "city"), ("population", "5")], "locality|political"),
            (&[("natural", "peak")], "natural_feature"),
            (&[("natural", "reef")], "natural_feature"),
            (&[("place", "islet")], "natural_feature"),
            (
                &[("amenity", "place_of_worship"), ("religion", "muslim")],
                "mosque|place_of_worship|point_of_interest|establishment",
            ),
            (&[("amenity", "theatre")], "point_of_interest|establishment"),
        ] {
            assert_eq!(of(tags).as_deref(), Some(expected), "{tags:?}");
        }
    }

    #[test]
    fn what_nobody_looks_for_is_no_place() {
        for tags in [
            &[][..],
            &[("highway", "residential")],
            &[("building", "yes")],
            &[("shop", "no")],
            &[("shop", "vacant")],
            &[("railway", "rail")],
            &[("place", "country")],
            &[("natural", "tree")],
        ] {
            assert_eq!(of(tags), None, "{tags:?}");
        }
    }

    #[test]
    fn each_table_has_a_value_once_and_the_rest_last() {
        for (key, values) in TABLE {
            let names: Vec<_> = values.iter().map(|(value, _)| *value).collect();
            let known = names.strip_suffix(&["*"]).unwrap_or(&names);
            assert!(known.is_sorted_by(|a, b| a < b), "{key}: {known:?}");
            assert!(values.iter().all(|(_, types)| !types.is_empty()), "{key}");
        }
    }
}
