"""What the report says of the sources: how many lines of code they have, and what two adapters share."""

import difflib
import re
import tomllib
from pathlib import Path

from pygments.lexers import get_lexer_for_filename
from pygments.token import Comment, String

ROOT = Path(__file__).resolve().parents[2]
TESTS = re.compile(r"^#\[cfg\(test\)\]\nmod tests\b.*", re.MULTILINE | re.DOTALL)

# Each is files and folders; of a folder every Rust file below it counts.
COUNTED = {
    "asyncio": ["benches/peers/asyncio_streams.py"],
    "uvloop": ["benches/peers/uvloop_protocol.py"],
    "twisted": ["benches/peers/twisted_lines.py"],
    "node": ["benches/peers/node_net.js"],
    "java": ["benches/peers/JavaSelector.java"],
    "core": ["core/src"],
    "runtime": ["runtime/src", *(f"runtime/{crate}/src" for crate in "clock config driver log metrics tls".split())],
    "host": ["runtime/driver/src/host.rs", "runtime/driver/src/host", "runtime/driver/src/port.rs"],
    "herd-tokio": ["runtime-tokio/src"],
    "herd-async-std": ["runtime-async-std/src"],
    "http-tokio": ["runtime-tokio/src/http.rs"],
    "http-async-std": ["runtime-async-std/src/http.rs"],
    "threads": ["examples/src/bin/threads.rs"],
    "simulator": ["simulator/src"],
    "fuzz": ["fuzz/surfaces/src/driver.rs"],
}
# What both adapters have, but for the HTTP client.
ALIKE = ["lib.rs", "connection.rs", "main.rs"]

CRATES = ["tokio", "async-std", "reqwest", "surf"]


def facts():
    """All of it, by name."""
    lines = {name: sum(len(code(file)) for file in files(places)) for name, places in COUNTED.items()}
    tokio, async_std = ([line for file in ALIKE for line in code(ROOT / runtime / "src" / file)]
                        for runtime in ("runtime-tokio", "runtime-async-std"))
    same = difflib.SequenceMatcher(None, tokio, async_std, autojunk=False).get_matching_blocks()
    advisories = tomllib.loads((ROOT / "deny.toml").read_text())["advisories"]["ignore"]
    locked = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    return {
        "lines": lines,
        "alike": {"tokio": len(tokio), "async-std": len(async_std), "same": sum(block.size for block in same)},
        "advisories": len(advisories),
        "versions": {crate["name"]: crate["version"] for crate in locked if crate["name"] in CRATES},
    }


def files(places):
    for place in map(ROOT.joinpath, places):
        yield from sorted(place.rglob("*.rs")) if place.is_dir() else [place]


def code(file):
    """The lines of a file that are neither blank, nor comments or documentation, nor unit tests."""
    text = file.read_text()
    if file.suffix == ".rs":
        text = TESTS.sub("", text)
    tokens = get_lexer_for_filename(file.name).get_tokens(text)
    kept = ("\n" * value.count("\n") if kind in Comment or kind in String.Doc else value for kind, value in tokens)
    return [line for line in "".join(kept).splitlines() if line.strip()]
