//! Requests and answers in Google's Nearby Search (Legacy) format, apart from HTTP.
//!
//! A result carries what is known: `geometry`, `name`, `place_id` and the same as `reference`, `scope`,
//! `types` and `vicinity`. What open data do not say (opening hours, ratings, photos) is left out, as Google
//! does. The scope is `APP`: a place that this program knows, and Google does not know by this id.

use subtle::ConstantTimeEq as _;

use crate::json::Json;
use crate::page_token::PageTokens;
use crate::places::{Place, Places};
use crate::query::{Parameters, query_of};
use crate::sphere::LatLng;

/// Results on a page.
pub const PAGE: usize = 20;

/// Results of a search on all its pages.
pub const MAX_RESULTS: usize = 60;

/// Half the height and width of a viewport, in degrees: what Google gives a place of unknown extent.
const HALF_VIEWPORT_DEG: f64 = 0.001_349;

/// Answers searches.
#[derive(Debug)]
pub struct Nearby {
    places: Places,
    key: Option<Key>,
    page_tokens: PageTokens,
}

/// The key that every request must show.
struct Key(String);

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Why there are no results but a status and a message.
#[derive(Debug)]
enum Refusal {
    Denied(&'static str),
    Invalid(String),
    Busy,
}

impl Nearby {
    /// Answers from `places`: anybody, or who shows the `key` if there is one.
    pub fn new(places: Places, key: Option<String>) -> Self {
        let page_tokens = PageTokens::new(key.as_deref().unwrap_or_default());
        Self { places, key: key.map(|key| Key(key.trim().to_owned())), page_tokens }
    }

    /// The places that answers come from.
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Whether the answer to a request with this query string takes long, as the texts of all places in a circle
    /// have to be looked at: some milliseconds for ten thousand.
    pub fn is_slow(&self, query: &str) -> bool {
        // The search that a token goes on with may have a keyword.
        let parameters = Parameters::of(query);
        ["keyword", "name", "pagetoken"].iter().any(|name| parameters.value(name).is_some())
    }

    /// The answer where there is no time for another search now, as JSON.
    pub fn busy() -> String {
        Refusal::Busy.answer().print()
    }

    /// The answer, as JSON, to a request with this query string (the part of the URL after the `?`).
    pub fn answer(&self, query: &str) -> String {
        let answer = self.results(&Parameters::of(query)).unwrap_or_else(Refusal::answer);
        answer.print()
    }

    fn results(&self, parameters: &Parameters<'_>) -> Result<Json, Refusal> {
        self.check_key(parameters.value("key"))?;
        // Beside a token nothing else counts, as at Google.
        let (offset, search) = match parameters.value("pagetoken") {
            None => (0, parameters.search()),
            Some(token) => {
                let (offset, query) = self.page_tokens.read(token).ok_or_else(|| {
                    Refusal::Invalid("`pagetoken` is not one that was given out here.".into())
                })?;
                (offset, Parameters::of(&query).search())
            }
        };
        let search = search.map_err(Refusal::Invalid)?;

        let found = self.places.nearby(&search, MAX_RESULTS);
        let rest = found.get(offset..).unwrap_or_default();
        let page = &rest[..rest.len().min(PAGE)];
        if page.is_empty() {
            return Ok(answer("ZERO_RESULTS", &[], vec![], None));
        }
        let next = (rest.len() > PAGE).then(|| {
            let token = self.page_tokens.write(offset + PAGE, &query_of(&search));
            ("next_page_token", Json::Text(token))
        });
        Ok(answer("OK", self.places.attributions(), page.iter().map(result).collect(), next))
    }

    fn check_key(&self, shown: Option<&str>) -> Result<(), Refusal> {
        let Some(Key(key)) = &self.key else { return Ok(()) };
        let shown = shown.ok_or(Refusal::Denied("The request shows no API key (`key`)."))?;
        if bool::from(shown.as_bytes().ct_eq(key.as_bytes())) {
            Ok(())
        } else {
            Err(Refusal::Denied("The provided API key is invalid."))
        }
    }
}

impl Refusal {
    fn answer(self) -> Json {
        let (status, message) = match self {
            Self::Denied(message) => ("REQUEST_DENIED", message.into()),
            Self::Invalid(message) => ("INVALID_REQUEST", message),
            Self::Busy => ("OVER_QUERY_LIMIT", "Too many searches by words are under way.".into()),
        };
        answer(status, &[], vec![], Some(("error_message", Json::Text(message))))
    }
}

fn answer(
    status: &str,
    attributions: &[String],
    results: Vec<Json>,
    more: Option<(&'static str, Json)>,
) -> Json {
    let members = [
        ("html_attributions", Json::texts(attributions.iter().map(String::as_str))),
        ("results", Json::List(results)),
        ("status", Json::text(status)),
    ];
    Json::Object(members.into_iter().chain(more).collect())
}

fn result(place: &Place<'_>) -> Json {
    let types = place.types.split('|').filter(|one| !one.is_empty());
    let geometry = Json::object([
        ("location", point(place.location.lat(), place.location.lng())),
        ("viewport", viewport(place.location)),
    ]);
    let members = [
        ("geometry", geometry),
        ("name", Json::text(place.name)),
        ("place_id", Json::text(place.id)),
        ("reference", Json::text(place.id)),
        ("scope", Json::text("APP")),
        ("types", Json::texts(types)),
    ];
    let vicinity = (!place.vicinity.is_empty()).then(|| ("vicinity", Json::text(place.vicinity)));
    Json::Object(members.into_iter().chain(vicinity).collect())
}

/// A box around a point; over the date line its west is greater than its east.
fn viewport(middle: LatLng) -> Json {
    let corner = |half_deg: f64| {
        let lat = (middle.lat() + half_deg).clamp(-90.0, 90.0);
        let lng = middle.lng() + half_deg;
        let lng = if lng.abs() > 180.0 { lng - 360.0 * lng.signum() } else { lng };
        point(rounded(lat), rounded(lng))
    };
    Json::object([
        ("northeast", corner(HALF_VIEWPORT_DEG)),
        ("southwest", corner(-HALF_VIEWPORT_DEG)),
    ])
}

fn point(lat: f64, lng: f64) -> Json {
    Json::object([("lat", Json::Number(lat)), ("lng", Json::Number(lng))])
}

/// To seven decimals, about a centimetre.
fn rounded(degrees: f64) -> f64 {
    // Adding zero makes a negative zero a plain one.
    (degrees * 1e7).round() / 1e7 + 0.0
}
