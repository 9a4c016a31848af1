//! What a request asks for.
//!
//! The parameters are those of Google's Nearby Search (Legacy): `location`, `radius`, `rankby`, `type`,
//! `keyword` and `name`. Any other is ignored; of one that comes twice the first counts; an empty one is
//! as good as none.

use std::borrow::Cow;

use crate::places::{Rank, Search};
use crate::sphere::LatLng;

/// The largest radius, and how far away the nearest places may be.
pub const MAX_RADIUS_M: f64 = 50_000.0;

/// The most bytes of `keyword` and `name` together, and of `type`.
pub const MAX_KEYWORD_BYTES: usize = 256;

/// The parameters of a request.
#[derive(Debug)]
pub(crate) struct Parameters<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Parameters<'a> {
    pub(crate) fn of(query: &'a str) -> Self {
        Self { pairs: form_urlencoded::parse(query.as_bytes()).collect() }
    }

    /// The value of a parameter less the white space around it, if there is anything left.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(key, _)| key == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// The search that they ask for, or which parameter is wrong, and why.
    pub(crate) fn search(&self) -> Result<Search, String> {
        let location = self.value("location").ok_or("`location` is missing.")?;
        let center = lat_lng(location).ok_or_else(|| {
            "`location` must be a latitude and a longitude in decimal degrees, such as 34.07,-118.44."
                .to_owned()
        })?;

        // Of several types the first counts, as at Google.
        let kind = self.value("type").and_then(|kinds| kinds.split(['|', ',']).next());
        let kind = kind.map(str::trim).filter(|kind| !kind.is_empty());
        let keyword = [self.value("keyword"), self.value("name")];
        let keyword = keyword.into_iter().flatten().collect::<Vec<_>>().join(" ");
        for (name, value) in [("type", kind.unwrap_or_default()), ("keyword", &keyword)] {
            if value.len() > MAX_KEYWORD_BYTES {
                return Err(format!("`{name}` has more than {MAX_KEYWORD_BYTES} bytes."));
            }
        }

        let rank = match self.value("rankby") {
            None | Some("prominence") => Rank::Prominence,
            Some("distance") => Rank::Distance,
            Some(_) => return Err("`rankby` must be `prominence` or `distance`.".into()),
        };
        let radius = self.value("radius");
        let radius_m = match (rank, radius) {
            (Rank::Prominence, Some(radius)) => metres(radius)?,
            (Rank::Prominence, None) => {
                return Err("`radius` is missing; only `rankby=distance` goes without.".into());
            }
            (Rank::Distance, Some(_)) => {
                return Err("`radius` must be left out where `rankby` is `distance`.".into());
            }
            (Rank::Distance, None) if kind.is_none() && keyword.is_empty() => {
                return Err("`rankby=distance` needs a `keyword`, `name` or `type`.".into());
            }
            (Rank::Distance, None) => MAX_RADIUS_M,
        };

        let kind = kind.map(str::to_owned);
        let keyword = (!keyword.is_empty()).then_some(keyword);
        Ok(Search { center, radius_m, kind, keyword, rank })
    }
}

/// The parameters that ask for a search again.
pub(crate) fn query_of(search: &Search) -> String {
    let Search { center, radius_m, kind, keyword, rank } = search;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("location", &format!("{},{}", center.lat(), center.lng()));
    match rank {
        Rank::Prominence => query.append_pair("radius", &radius_m.to_string()),
        Rank::Distance => query.append_pair("rankby", "distance"),
    };
    for (name, value) in [("type", kind), ("keyword", keyword)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

fn lat_lng(text: &str) -> Option<LatLng> {
    let (lat, lng) = text.split_once(',')?;
    LatLng::new(lat.trim().parse().ok()?, lng.trim().parse().ok()?)
}

fn metres(text: &str) -> Result<f64, String> {
    let radius_m = text.parse().ok().filter(|radius_m| (0.0..=MAX_RADIUS_M).contains(radius_m));
    radius_m.ok_or_else(|| format!("`radius` must be a number of metres from 0 to {MAX_RADIUS_M}."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn search(query: &str) -> Result<Search, String> {
        Parameters::of(query).search()
    }

    #[test]
    fn a_search_is_read_from_its_parameters() {
        let center = LatLng::new(34.06893, -118.445127).unwrap();
        let plain =
            || Search { center, radius_m: 1e4, kind: None, keyword: None, rank: Rank::Prominence };
        let location = "location=34.068930,-118.445127";

        assert_eq!(search(&format!("{location}&radius=10000&key=K&x=y")), Ok(plain()));
        assert_eq!(search("location=+34.06893%2C+-118.445127&radius=1e4&radius=5"), Ok(plain()));
        assert_eq!(
            search(&format!("{location}&radius=10000&type=bar|cafe&keyword=a+b&name=c")),
            Ok(Search { kind: Some("bar".into()), keyword: Some("a b c".into()), ..plain() })
        );
        assert_eq!(
            search(&format!("{location}&rankby=distance&type=bar")),
            Ok(Search {
                kind: Some("bar".into()),
                radius_m: MAX_RADIUS_M,
                rank: Rank::Distance,
                ..plain()
            })
        );
    }

    #[test]
    fn what_is_wrong_names_its_parameter() {
        for (query, named) in [
            ("", "`location` is missing"),
            ("location=&radius=5", "`location` is missing"),
            ("location=1&radius=5", "`location` must"),
            ("location=1,2,3&radius=5", "`location` must"),
            ("location=91,0&radius=5", "`location` must"),
            ("location=nan,0&radius=5", "`location` must"),
            ("location=0,181&radius=5", "`location` must"),
            ("location=1,2", "`radius` is missing"),
            ("location=1,2&radius=-1", "`radius` must"),
            ("location=1,2&radius=50000.1", "`radius` must"),
            ("location=1,2&radius=nan", "`radius` must"),
            ("location=1,2&radius=far", "`radius` must"),
            ("location=1,2&radius=5&rankby=name", "`rankby` must"),
            ("location=1,2&radius=5&rankby=distance&type=bar", "`radius` must be left out"),
            ("location=1,2&rankby=distance", "`rankby=distance` needs"),
        ] {
            let what = search(query).unwrap_err();
            assert!(what.contains(named), "{query}: {what}");
        }
        let long = "x".repeat(MAX_KEYWORD_BYTES + 1);
        let what = search(&format!("location=1,2&radius=5&keyword={long}")).unwrap_err();
        assert!(what.contains("`keyword`"), "{what}");
    }

    proptest! {
        #[test]
        fn a_search_can_be_asked_for_again(
            (lat, lng) in (-90.0..=90.0, -180.0..=180.0),
            radius_m in 0.0..=MAX_RADIUS_M,
            kind in prop::option::of("[a-z_]{1,9}"),
            keyword in prop::option::of("[^ ]{1,9}( [a-zé&=+%]{1,9})?"),
            distance in any::<bool>(),
        ) {
            let keyword = keyword.map(|k| k.trim().to_owned()).filter(|k| !k.is_empty());
            let by_distance = distance && (kind.is_some() || keyword.is_some());
            let search = Search {
                center: LatLng::new(lat, lng).unwrap(),
                radius_m: if by_distance { MAX_RADIUS_M } else { radius_m },
                kind,
                keyword,
                rank: if by_distance { Rank::Distance } else { Rank::Prominence },
            };
            prop_assert_eq!(Parameters::of(&query_of(&search)).search(), Ok(search));
        }
    }
}
