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
mod index;
pub mod load;
mod places;
mod sphere;
mod words;

pub use places::{Builder, MAX_TEXT_BYTES, Place, Places, Rank, Search, Unfit};
pub use sphere::{EARTH_RADIUS_M, LatLng};
