"""Typesets the report from the measurements and the sources. Start it by docs/report/build."""

import argparse
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import typst

import sources
from sources import ROOT

HERE = Path(__file__).resolve().parent


def main():
    arguments = parse()
    counted = ROOT / "target/report/sources.json"
    counted.write_text(json.dumps(sources.facts(), indent=1) + "\n")
    inputs = {
        "comparison": str(arguments.comparison.resolve()),
        "network": str(arguments.network.resolve()),
        "sources": str(counted),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    # Measurements may lie anywhere, so every file may be read. Only fonts that come with Typst, so that the same
    # input gives the same file.
    try:
        typst.compile(HERE / "report.typ", output=arguments.out, root="/", ignore_system_fonts=True, sys_inputs=inputs)
    except typst.TypstError as error:
        sys.exit(error.diagnostic)


def parse():
    parser = argparse.ArgumentParser(prog="docs/report/build", description=__doc__)
    parser.add_argument("--comparison", type=Path, default=ROOT / "docs/comparison/measured.json", metavar="JSON",
                        help="what benches/compare/run measured [docs/comparison/measured.json]")
    parser.add_argument("--network", type=Path, default=ROOT / "docs/network/herd/result.json", metavar="JSON",
                        help="what benches/network/run measured [docs/network/herd/result.json]")
    parser.add_argument("--out", type=Path, default=HERE / "report.pdf", metavar="PDF",
                        help="where the report goes [docs/report/report.pdf]")
    return parser.parse_args()


if __name__ == "__main__":
    main()
