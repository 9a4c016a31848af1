#!/usr/bin/env python3
"""Keeps the figures in README.md and docs/workers.md those of docs/comparison/measured.json.

    benches/compare/pages.py [--check]

Writes them anew, which `benches/compare/run` does too. With `--check` nothing is written, and the exit code is 1 if a
page says something else than what was measured.
"""

import argparse
import json
import math
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ROOT / "docs/comparison/measured.json"

# How the peers are called in a text.
PEERS = {
    "asyncio": "asyncio",
    "uvloop": "asyncio on uvloop",
    "twisted": "Twisted",
    "node": "Node.js",
    "java": "Java (NIO)",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a page is not true")
    check = parser.parse_args().check
    for path, was, made in pages(json.loads(MEASURED.read_text())):
        if was == made:
            continue
        if check:
            sys.exit(f"{path.relative_to(ROOT)} does not say what was measured: run benches/compare/pages.py")
        path.write_text(made)


def update(report):
    """Writes the pages, given what was measured."""
    for path, _, made in pages(report):
        path.write_text(made)


def pages(report):
    """Each page as it is and as it should be."""
    for path, figures in ((ROOT / "README.md", speed), (ROOT / "docs/workers.md", workers)):
        was = path.read_text()
        yield path, was, replaced(was, figures(report["rows"], report["machine"]["processors"]), path)


def replaced(page, figures, path):
    block = re.compile(r"(<!-- Figures made by [^\n]*-->\n).*?(<!-- End of figures. -->\n)", re.DOTALL)
    made, count = block.subn(lambda marks: f"{marks[1]}\n{figures}\n\n{marks[2]}", page)
    if count != 1:
        sys.exit(f"{path.relative_to(ROOT)} has no place for figures, or more than one")
    return made


def speed(rows, processors):
    columns = ("settled-64", "news-64", "settled-1")

    def line(text, *names):
        cells = (", ".join(rate(rows[row]["medians"][name]) for name in names if name in rows[row]["medians"])
                 for row in columns)
        return f"| {text} | " + " | ".join(cells) + " |"

    settled = rows["settled-64"]["medians"]
    peers = sorted(PEERS.keys() & settled.keys(), key=lambda name: -settled[name]["lines_per_cpu_second"])
    flood, hops = rows["flood"]["medians"], rows["hops"]["medians"]
    figure = rows["flood"]["figure"]
    times = flood["herd-tokio"][figure] / flood["asyncio"][figure]
    text = (
        f"Five servers on the same {processors} processors, the load tool among them, applied "
        f"{significant(flood['herd-tokio'][figure]):,} new reports a second on all five, {times:.0f} times as many as "
        "five of asyncio. On an idle herd a report was known two hops away after "
        f"{hops['herd-tokio']['p50_us']:.0f} µs; bare relays took {hops['relay-tokio']['p50_us']:.0f}. A client in the "
        f"table takes {rows['memory-clients']['medians']['herd-tokio']['bytes']:.0f} bytes."
    )
    return "\n".join([
        "| | 64 in flight | the same, all of it news | 1 in flight |",
        "|---|--:|--:|--:|",
        line("herd-tokio", "herd-tokio"),
        line("herd-async-std", "herd-async-std"),
        line("a bare line echo on tokio, on async-std", "echo-tokio", "echo-async-std"),
        line("Redis, `SET` and `GEOADD`", "redis-set", "redis-geoadd"),
        *(line(PEERS[name], name) for name in peers),
        "",
        textwrap.fill(text, 120),
    ])


def workers(rows, processors):
    lines = [
        "| `herd-tokio` | workers | lines per second of processor time | lines per second |",
        "|---|--:|--:|--:|",
    ]
    for flight in (64, 1):
        for count, row in ((1, f"settled-{flight}"), (2, f"workers-{flight}")):
            median = rows[row]["medians"]["herd-tokio"]
            cells = f"{count} | {rate(median)} | {significant(median['lines_per_second']):,}"
            lines.append(f"| {flight} in flight | {cells} |")
    lost = [1 - ratio(rows, f"workers-{flight}", f"settled-{flight}") for flight in (64, 1)]
    text = (
        f"So a second worker cost {lost[0]:.0%} of what a second of processor time does with 64 lines in flight, and "
        f"{lost[1]:.0%} with one: for a lock that two want, and a table that moves between two processors' caches. What "
        f"it gains does not show on {processors} processors, of which the load tool needs one."
    )
    return "\n".join([*lines, "", textwrap.fill(text, 120)])


def ratio(rows, above, below):
    first, second = (rows[row]["medians"]["herd-tokio"]["lines_per_cpu_second"] for row in (above, below))
    return first / second


def rate(median):
    return f"{significant(median['lines_per_cpu_second']):,}"


def significant(value):
    """Three digits, and zeros: more than that differs from run to run."""
    return round(round(value), 2 - math.floor(math.log10(value)))


if __name__ == "__main__":
    main()
