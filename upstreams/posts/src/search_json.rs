//! `GET /search.json` in the format of the Twitter search of 2012, which a posts herd asks.
//!
//! It is open to anybody, and shows what anybody may see. What has no counterpart here is there all the same,
//! empty: clients of that format may lean on it.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use herd_places::LatLng;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use tokio::time::{Instant, timeout};

use crate::Error;
use crate::database::Database;
use crate::query::{MAX_QUERY_CHARS, Query};
use crate::search::{Circle, Found, Search, search};
use crate::turns::RequestDatabase;

/// Where the search is, as at Twitter.
pub const PATH: &str = "/search.json";

/// The results of a page, unless `rpp` says otherwise.
const PER_PAGE: usize = 15;

/// The most that `rpp` may say.
const MAX_PER_PAGE: usize = 100;

/// How long a search may take.
const TIME_OUT: Duration = Duration::from_secs(5);

/// No page ends beyond this.
const MAX_RESULTS: usize = 1500;

const KM_A_MILE: f64 = 1.609_344;

/// What was used to write a post, in HTML that is written as HTML shows it.
const SOURCE: &str = "&lt;a href=&quot;/&quot; rel=&quot;nofollow&quot;&gt;herd-posts&lt;/a&gt;";

/// From where a request comes, where the router before has found out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// The search as a route.
pub fn router(database: Database) -> Router {
    Router::new().route(PATH, get(answer)).with_state(database)
}

async fn answer(
    State(database): State<Database>,
    client: Option<Extension<ClientAddress>>,
    RawQuery(asked): RawQuery,
) -> Response {
    let address = client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(client)| client.0);
    let database = RequestDatabase::new(database, address);
    let asked = asked.unwrap_or_default();
    let answer = timeout(TIME_OUT, respond(&database, &asked)).await;
    let (status, retry_after, json) = match answer.unwrap_or_else(|_| Err(Error::TimedOut.into())) {
        Ok(page) => (StatusCode::OK, None, serde_json::to_string(&page)),
        Err(Refusal { status, message, retry_after }) => {
            (status, retry_after, serde_json::to_string(&ErrorBody { error: message }))
        }
    };
    let json = json.expect("texts and numbers are always JSON");
    let kind = [(CONTENT_TYPE, "application/json; charset=utf-8")];
    let mut answer = (status, kind, json + "\n").into_response();
    if let Some(retry_after) = retry_after {
        let seconds = retry_after.as_secs().max(1);
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

async fn respond(database: &RequestDatabase, asked: &str) -> Result<Page, Refusal> {
    let start = Instant::now();
    let request = Request::parse(asked)?;
    let mut connection = database.read().await?;
    let (found, posts) = request.run(&mut connection).await?;
    drop(connection);
    Ok(request.page(&found, posts, start.elapsed().as_secs_f64()))
}

/// Why there is no answer.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into(), retry_after: None }
    }

    /// What Twitter refused by this status.
    fn forbidden(message: &str) -> Self {
        Self { status: StatusCode::FORBIDDEN, message: message.into(), retry_after: None }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        if let Error::Unavailable(source) | Error::Internal(source) = &error {
            log::error!("a search failed: {source}");
        }
        let status = StatusCode::from_u16(error.status());
        Self {
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            message: error.to_string(),
            retry_after: error.retry_after(),
        }
    }
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    error: String,
}

/// What was asked.
#[derive(Debug)]
struct Request {
    q: String,
    query: Query,
    /// As it was written.
    geocode: Option<String>,
    near: Option<Circle>,
    lang: Option<String>,
    result_type: Option<String>,
    per_page: usize,
    page: usize,
    since_id: Option<i64>,
    max_id: Option<i64>,
    warnings: Vec<String>,
}

impl Request {
    fn parse(asked: &str) -> Result<Self, Refusal> {
        let parameter = |name: &str| {
            let mut all = form_urlencoded::parse(asked.as_bytes());
            let found = all.find(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned());
            found.filter(|value| !value.is_empty())
        };
        let mut warnings = Vec::new();

        let q = parameter("q").unwrap_or_default();
        let geocode = parameter("geocode");
        if q.is_empty() && geocode.is_none() {
            return Err(Refusal::forbidden("You must enter a query."));
        }
        if q.chars().count() > MAX_QUERY_CHARS {
            return Err(Refusal::bad(format!("q has more than {MAX_QUERY_CHARS} characters")));
        }
        let query = Query::parse(&q);
        warnings.extend(query.warnings.iter().cloned());

        let near = geocode.as_deref().map(circle).transpose()?;
        let lang = parameter("lang").filter(|lang| lang != "all");
        if lang.as_ref().is_some_and(|lang| !lang.bytes().all(|byte| byte.is_ascii_alphabetic())) {
            return Err(Refusal::bad("lang is not a language as in en"));
        }
        let result_type = parameter("result_type");
        match result_type.as_deref() {
            None | Some("recent" | "mixed") => {}
            Some("popular") => warnings.push("result_type adjusted to recent".into()),
            Some(_) => return Err(Refusal::bad("result_type is not mixed, recent or popular")),
        }

        let asked_per_page = parameter("rpp").map(|rpp| integer("rpp", &rpp)).transpose()?;
        let per_page = asked_per_page.map_or(PER_PAGE, |rpp| {
            usize::try_from(rpp.max(1)).unwrap_or(usize::MAX).min(MAX_PER_PAGE)
        });
        if asked_per_page.is_some_and(|rpp| usize::try_from(rpp) != Ok(per_page)) {
            warnings.push(format!("rpp adjusted to {per_page}"));
        }
        let asked_page = parameter("page").map(|page| integer("page", &page)).transpose()?;
        let page = usize::try_from(asked_page.unwrap_or(1).max(1)).unwrap_or(usize::MAX);
        if asked_page.is_some_and(|page| page < 1) {
            warnings.push("page adjusted to 1".into());
        }
        if page.saturating_mul(per_page) > MAX_RESULTS {
            return Err(Refusal::forbidden("page parameter out of range"));
        }

        let since_id = parameter("since_id").map(|id| integer("since_id", &id)).transpose()?;
        let max_id = parameter("max_id").map(|id| integer("max_id", &id)).transpose()?;
        Ok(Self {
            lang: lang.map(|lang| lang.to_ascii_lowercase()),
            query,
            q,
            geocode,
            near,
            result_type,
            per_page,
            page,
            since_id,
            max_id,
            warnings,
        })
    }

    /// Searches, and loads the posts of the page.
    async fn run(&self, connection: &mut AnyConnection) -> Result<(Found, Vec<Post>), Error> {
        let found = search(
            connection,
            &Search {
                query: &self.query,
                near: self.near,
                lang: self.lang.as_deref(),
                before: self.max_id.map(|id| id.saturating_add(1)),
                after: self.since_id,
                viewer: None,
                // One more tells whether there is a next page.
                limit: self.page * self.per_page + 1,
            },
        )
        .await?;
        let first = (self.page - 1) * self.per_page;
        let on_page = found.ids.iter().skip(first).take(self.per_page).copied().collect::<Vec<_>>();
        let posts = load(connection, &on_page).await?;
        Ok((found, posts))
    }

    fn page(&self, found: &Found, results: Vec<Post>, completed_in: f64) -> Page {
        let mut warnings = self.warnings.clone();
        if found.cut_at.is_some() {
            warnings.push("too many posts had to be looked at: older ones may be missing".into());
        }
        let since_id = self.since_id.unwrap_or(0);
        let max_id = self.max_id.or_else(|| found.ids.first().copied()).unwrap_or(since_id);
        // In an answer that is not the first page, newer posts than its own were not asked for.
        let has_next = found.ids.len() > self.page * self.per_page
            && (self.page + 1) * self.per_page <= MAX_RESULTS;
        let link = |page: usize| format!("?page={page}&max_id={max_id}{}", self.rest(true));
        Page {
            results,
            max_id,
            max_id_str: max_id.to_string(),
            since_id,
            since_id_str: since_id.to_string(),
            refresh_url: format!("?since_id={max_id}{}", self.rest(false)),
            next_page: has_next.then(|| link(self.page + 1)),
            previous_page: (self.page > 1).then(|| link(self.page - 1)),
            results_per_page: self.per_page,
            page: self.page,
            completed_in: (completed_in * 1e6).round() / 1e6,
            warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
            query: encoded(&self.q),
        }
    }

    /// The parameters that are the same in a search for more.
    fn rest(&self, keeps_since_id: bool) -> String {
        let since_id = self.since_id.filter(|_| keeps_since_id).map(|id| id.to_string());
        let rpp = (self.per_page != PER_PAGE).then(|| self.per_page.to_string());
        let named = [
            ("since_id", &since_id),
            ("rpp", &rpp),
            ("lang", &self.lang),
            ("result_type", &self.result_type),
            ("geocode", &self.geocode),
        ];
        let mut rest = String::new();
        for (name, value) in named {
            if let Some(value) = value {
                rest += &format!("&{name}={}", encoded(value));
            }
        }
        rest + "&q=" + &encoded(&self.q)
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn integer(name: &str, text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| Refusal::bad(format!("{name} is not an integer")))
}

/// Reads `LATITUDE,LONGITUDE,RADIUSkm`, or `mi`.
fn circle(geocode: &str) -> Result<Circle, Refusal> {
    let read = || {
        let [lat, lng, radius] = geocode.split(',').collect::<Vec<_>>().try_into().ok()?;
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let radius = radius.trim().to_ascii_lowercase();
        let radius_km = match (radius.strip_suffix("km"), radius.strip_suffix("mi")) {
            (Some(km), _) => number(km)?,
            (None, Some(miles)) => number(miles)? * KM_A_MILE,
            (None, None) => return None,
        };
        let center = LatLng::new(number(lat)?, number(lng)?)?;
        (radius_km >= 0.0).then_some(Circle { center, radius_km })
    };
    read().ok_or_else(|| Refusal::bad("geocode is not LATITUDE,LONGITUDE,RADIUSkm (or mi)"))
}

/// An answer; the order is that of the time.
#[derive(Debug, Serialize)]
struct Page {
    results: Vec<Post>,
    max_id: i64,
    max_id_str: String,
    since_id: i64,
    since_id_str: String,
    refresh_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_page: Option<String>,
    results_per_page: usize,
    page: usize,
    completed_in: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    query: String,
}

/// A post, as the answer has it.
#[derive(Debug, Serialize)]
struct Post {
    created_at: String,
    from_user: String,
    from_user_id: i64,
    from_user_id_str: String,
    from_user_name: String,
    geo: Option<Geo>,
    id: i64,
    id_str: String,
    iso_language_code: String,
    location: String,
    metadata: Metadata,
    profile_image_url: &'static str,
    source: &'static str,
    text: String,
    to_user: Option<String>,
    to_user_id: Option<i64>,
    to_user_id_str: Option<String>,
    to_user_name: Option<String>,
}

#[derive(Debug, Serialize)]
struct Metadata {
    result_type: &'static str,
}

#[derive(Debug, Serialize)]
struct Geo {
    coordinates: [f64; 2],
    r#type: &'static str,
}

impl Post {
    fn read(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let (id, from_user_id): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let position: (Option<f64>, Option<f64>) = (row.try_get(8)?, row.try_get(9)?);
        let to_user_id: Option<i64> = row.try_get(10)?;
        Ok(Self {
            created_at: written_out(row.try_get(7)?),
            from_user: row.try_get(2)?,
            from_user_id,
            from_user_id_str: from_user_id.to_string(),
            from_user_name: row.try_get(3)?,
            geo: position
                .0
                .zip(position.1)
                .map(|(lat, lng)| Geo { coordinates: [lat, lng], r#type: "Point" }),
            id,
            id_str: id.to_string(),
            iso_language_code: row.try_get(6)?,
            location: row.try_get(4)?,
            metadata: Metadata { result_type: "recent" },
            profile_image_url: "",
            source: SOURCE,
            text: row.try_get(5)?,
            to_user: row.try_get(11)?,
            to_user_id,
            to_user_id_str: to_user_id.map(|id| id.to_string()),
            to_user_name: row.try_get(12)?,
        })
    }
}

/// Loads posts by their ids, newest first. One that was deleted a moment ago is left out.
async fn load(connection: &mut AnyConnection, ids: &[i64]) -> Result<Vec<Post>, Error> {
    let Some(last) = ids.last() else { return Ok(Vec::new()) };
    // Few different statements, so that each is prepared once.
    let places = ids.len().next_power_of_two();
    let list = (1..=places).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT p.id, u.id, u.name, u.display_name, u.location, p.text, p.lang, p.created_at, \
         p.latitude, p.longitude, t.id, t.name, t.display_name \
         FROM posts p JOIN users u ON u.id = p.author_id \
         LEFT JOIN posts r ON r.id = p.reply_to_id LEFT JOIN users t ON t.id = r.author_id \
         WHERE p.id IN ({list}) ORDER BY p.id DESC"
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for id in ids.iter().chain(core::iter::repeat(last)).take(places) {
        query = query.bind(*id);
    }
    let rows = query.fetch_all(connection).await?;
    Ok(rows.iter().map(Post::read).collect::<Result<_, _>>()?)
}

/// `Thu, 06 Oct 2011 19:36:17 +0000`.
fn written_out(unix_ms: i64) -> String {
    let moment = Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(asked: &str) -> (u16, String) {
        let refusal = Request::parse(asked).expect_err(asked);
        (refusal.status.as_u16(), refusal.message)
    }

    #[test]
    fn what_a_herd_asks_is_understood() {
        let request =
            Request::parse("q=&geocode=34.068930,-118.445127,100.50km&rpp=2&key=x").unwrap();

        let near = request.near.unwrap();
        assert_eq!(near.center, LatLng::new(34.06893, -118.445127).unwrap());
        assert!((near.radius_km - 100.5).abs() < 1e-9);
        assert_eq!((request.per_page, request.page), (2, 1));
        assert!(request.query.is_empty() && request.warnings.is_empty());
    }

    #[test]
    fn a_circle_has_a_unit() {
        assert!((circle("0,0,10mi").unwrap().radius_km - 16.09344).abs() < 1e-9);
        assert!((circle(" -90 , 180 , 0.5KM").unwrap().radius_km - 0.5).abs() < 1e-9);
        for bad in [
            "0,0",
            "0,0,10",
            "91,0,1km",
            "0,181,1km",
            "0,0,-1km",
            "0,0,NaNkm",
            "a,b,ckm",
            ",,km",
            "0,0,1km,2",
            "0,0,infkm",
        ] {
            assert!(circle(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_refusal_names_the_parameter() {
        assert_eq!(refused(""), (403, "You must enter a query.".into()));
        assert_eq!(refused("q=%20&rpp=5"), (403, "You must enter a query.".into()));
        assert_eq!(refused("q=a&page=16&rpp=100"), (403, "page parameter out of range".into()));
        for name in ["rpp", "page", "since_id", "max_id", "lang", "result_type", "geocode"] {
            let (status, message) = refused(&format!("q=a&{name}=1x"));
            assert_eq!(status, 400);
            assert!(message.starts_with(name), "{message}");
        }
        assert!(refused(&format!("q={}", "a".repeat(1001))).1.starts_with("q has"));
    }

    #[test]
    fn what_is_adjusted_is_told() {
        for (asked, warning) in [
            ("q=a&rpp=101", "rpp adjusted to 100"),
            ("q=a&rpp=0", "rpp adjusted to 1"),
            ("q=a&rpp=-7", "rpp adjusted to 1"),
            ("q=a&page=0", "page adjusted to 1"),
            ("q=a&result_type=popular", "result_type adjusted to recent"),
            ("q=near:LA", "near:LA is not supported: use geocode, and was left out"),
        ] {
            assert_eq!(Request::parse(asked).unwrap().warnings, [warning], "{asked}");
        }
    }

    #[test]
    fn links_lead_on_with_the_same_search() {
        let request = Request::parse(
            "q=%23a+%26&geocode=27.5916,86.564,100.0km&rpp=2&page=2&since_id=3&lang=en",
        )
        .unwrap();
        let found = Found { ids: vec![19, 18, 17, 16, 15], cut_at: None };

        let page = request.page(&found, Vec::new(), 0.090_181_2);

        let rest = "&rpp=2&lang=en&geocode=27.5916%2C86.564%2C100.0km&q=%23a+%26";
        assert_eq!(page.next_page, Some(format!("?page=3&max_id=19&since_id=3{rest}")));
        assert_eq!(page.previous_page, Some(format!("?page=1&max_id=19&since_id=3{rest}")));
        assert_eq!(page.refresh_url, format!("?since_id=19{rest}"));
        assert_eq!(page.query, "%23a+%26");
        assert_eq!((page.max_id, page.since_id), (19, 3));
        assert!((page.completed_in - 0.090_181).abs() < 1e-12);
    }

    #[test]
    fn moments_are_written_as_in_mails() {
        assert_eq!(written_out(1_317_929_777_999), "Thu, 06 Oct 2011 19:36:17 +0000");
    }
}
