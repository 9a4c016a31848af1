//! Taking the places of a file.

use sha2::{Digest as _, Sha256};

use super::fault::{Fault, Spot};
use super::left_out::EXAMPLES;
use crate::places::{Builder, Place, Unfit};
use crate::sphere::LatLng;

/// Takes the places of a file, and notes what is none.
pub(super) struct Intake<'b> {
    pub(super) builder: &'b mut Builder,
    /// The first few.
    pub(super) faults: Vec<Fault>,
    pub(super) fault_count: usize,
}

impl Intake<'_> {
    pub(super) fn leave_out(&mut self, spot: Spot, what: impl Into<String>) {
        self.fault_count += 1;
        if self.faults.len() < EXAMPLES {
            self.faults.push(Fault::new(spot, what));
        }
    }
}

/// A place of the user's own, as both GeoJSON and CSV give it.
#[derive(Debug)]
pub(super) struct OwnPlace<'a> {
    pub(super) name: &'a str,
    pub(super) location: LatLng,
    pub(super) types: String,
    pub(super) vicinity: &'a str,
    pub(super) prominence: f64,
    pub(super) id: Option<String>,
}

impl OwnPlace<'_> {
    /// Adds the place, with an id drawn from its name and location if it has none of its own.
    pub(super) fn push_to(self, builder: &mut Builder) -> Result<(), Unfit> {
        let Self { name, location, types, vicinity, prominence, id } = self;
        let id = id.unwrap_or_else(|| {
            let digest = Sha256::digest(format!("{name}\n{}\n{}", location.lat(), location.lng()));
            digest[..8].iter().fold(String::from("own:"), |id, byte| id + &format!("{byte:02x}"))
        });
        builder.push(&Place { id: &id, name, location, types: &types, vicinity, prominence })
    }
}

/// The types in the form [`Place::types`] wants them.
pub(super) fn joined<'a>(types: impl IntoIterator<Item = &'a str>) -> String {
    let each = types.into_iter().flat_map(|text| text.split(['|', ';', ','])).map(str::trim);
    each.filter(|one| !one.is_empty()).collect::<Vec<_>>().join("|")
}
