//! Every input that is checked in, and every one that once found something, on every way in.

use std::fs;
use std::path::Path;

use herd_surfaces::SURFACES;

#[test]
fn the_corpus_finds_nothing() {
    for (name, surface) in SURFACES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(name);
        let inputs: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            println!("{}", input.display());
            surface(&fs::read(&input).unwrap());
        }
    }
}

/// What nobody would think of: a little of every seed, with bytes changed in it.
#[test]
fn damaged_inputs_find_nothing_either() {
    for (name, surface) in SURFACES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(name);
        for entry in fs::read_dir(&folder).unwrap() {
            let whole = fs::read(entry.unwrap().path()).unwrap();
            for at in 0..whole.len().min(64) {
                for change in [0x01, 0x20, 0x80, 0xff] {
                    let mut damaged = whole.clone();
                    damaged[at] ^= change;
                    surface(&damaged);
                    surface(&damaged[at..]);
                }
            }
        }
    }
}
