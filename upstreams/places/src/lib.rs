//! A Nearby Search service over open place data.
//!
//! ```
//! use herd_places::{LatLng, Rank, Search, load};
//!
//! let places = load::built_in();
//! let search = Search {
//!     center: LatLng::new(34.06893, -118.445127).unwrap(),
//!     radius_m: 10_000.0,
//!     kind: None,
//!     keyword: None,
//!     rank: Rank::Distance,
//! };
//! assert_eq!(places.nearby(&search, 1)[0].name, "Bel Air");
//! ```

pub mod cli;
mod http;
mod import;
mod index;
mod json;
pub mod load;
mod nearby;
mod page_token;
mod places;
mod query;
mod run;
mod sphere;
mod towns;
mod words;

pub use http::PATH;
pub use import::{ImportError, Imported, import};
pub use nearby::{MAX_RESULTS, Nearby, PAGE};
pub use places::{Builder, MAX_TEXT_BYTES, Place, Places, Rank, Search, Unfit};
pub use query::{MAX_KEYWORD_BYTES, MAX_RADIUS_M};
pub use run::{Error, Options, Ready, run};
pub use sphere::{EARTH_RADIUS_M, LatLng};
pub use towns::greatest_towns;
