"""Draws a bar for each program: plot.py MEASURED_JSON DIR. Needs matplotlib."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
# The same figures give the same file.
matplotlib.rcParams.update({"svg.hashsalt": "herd", "svg.fonttype": "none", "font.family": "sans-serif"})

from matplotlib import pyplot
from matplotlib.ticker import EngFormatter

sys.dont_write_bytecode = True

from table import ranked

OURS, OTHERS = "#2f6f9f", "#b5bcc4"


def draw(row, path):
    """Medians as bars, the best on top, and a line from the least to the most of all rounds."""
    key = row["figure"]
    names = ranked(row)[::-1]
    medians = [row["medians"][name][key] for name in names]
    rounds = [[figures[key] for figures in row["rounds"][name]] for name in names]
    spread = [
        [median - min(values) for median, values in zip(medians, rounds)],
        [max(values) - median for median, values in zip(medians, rounds)],
    ]
    figure, axes = pyplot.subplots(figsize=(8, 0.8 + 0.32 * len(names)), layout="constrained")
    colours = [OURS if name.startswith("herd-") else OTHERS for name in names]
    bars = axes.barh(names, medians, xerr=spread, color=colours, ecolor="#444444", capsize=2)
    axes.bar_label(bars, labels=[EngFormatter(places=2, sep="")(median) for median in medians], padding=6)
    axes.set_title(row["title"].capitalize(), loc="left")
    axes.set_xlabel(row["unit"])
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main():
    measured, out = map(Path, sys.argv[1:])
    for key, row in json.loads(measured.read_text())["rows"].items():
        if row["medians"]:
            draw(row, out / f"{key}.svg")


if __name__ == "__main__":
    main()
