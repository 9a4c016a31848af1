"""The results as Markdown."""

MADE = "<!-- Made by benches/compare/run: edit that, not this. -->"

# The last part of a figure's name, if it is a unit.
UNITS = {"us": "µs", "s": "s", "mib": "MiB"}

# What people ask first: one figure as a multiple of another. Each is (row, program), or (row, program, figure) where it
# is not the one that the row compares by.
RATIOS = [
    ("herd-tokio to Redis GEOADD, 64 in flight", ("settled-64", "herd-tokio"), ("settled-64", "redis-geoadd")),
    ("herd-tokio to Redis SET, 64 in flight", ("settled-64", "herd-tokio"), ("settled-64", "redis-set")),
    ("herd-tokio to asyncio, 64 in flight", ("settled-64", "herd-tokio"), ("settled-64", "asyncio")),
    ("herd-async-std to herd-tokio, 64 in flight", ("settled-64", "herd-async-std"), ("settled-64", "herd-tokio")),
    ("herd-tokio to tokio's line echo, 1 in flight", ("settled-1", "herd-tokio"), ("settled-1", "echo-tokio")),
    ("herd-tokio to Redis SET, 1 in flight", ("settled-1", "herd-tokio"), ("settled-1", "redis-set")),
    (
        "herd-async-std to async-std's line echo, 1 in flight",
        ("settled-1", "herd-async-std"),
        ("settled-1", "echo-async-std"),
    ),
    ("herd-tokio with news only to settled, 64 in flight", ("news-64", "herd-tokio"), ("settled-64", "herd-tokio")),
    (
        "herd-async-std with news only to settled, 64 in flight",
        ("news-64", "herd-async-std"),
        ("settled-64", "herd-async-std"),
    ),
    (
        "herd-tokio with every line logged to without, 64 in flight",
        ("logged-64", "herd-tokio"),
        ("settled-64", "herd-tokio"),
    ),
    (
        "herd-tokio with every line logged to without, 1 in flight",
        ("logged-1", "herd-tokio"),
        ("settled-1", "herd-tokio"),
    ),
    (
        "herd-async-std with every line logged to without, 64 in flight",
        ("logged-64", "herd-async-std"),
        ("settled-64", "herd-async-std"),
    ),
    (
        "herd-async-std with every line logged to without, 1 in flight",
        ("logged-1", "herd-async-std"),
        ("settled-1", "herd-async-std"),
    ),
    (
        "herd-tokio with two workers to one, 64 in flight",
        ("workers-64", "herd-tokio"),
        ("settled-64", "herd-tokio"),
    ),
    (
        "herd-tokio with two workers to one, 1 in flight",
        ("workers-1", "herd-tokio"),
        ("settled-1", "herd-tokio"),
    ),
    ("five herd-tokio to five asyncio, news", ("flood", "herd-tokio"), ("flood", "asyncio")),
    (
        "what a record costs five herd-tokio, to five that do not talk",
        ("lone", "herd-tokio"),
        ("flood", "herd-tokio", "records_per_cpu_second"),
    ),
    (
        "what a record costs five herd-async-std, to five that do not talk",
        ("lone", "herd-async-std"),
        ("flood", "herd-async-std", "records_per_cpu_second"),
    ),
    ("how long news takes two hops of herd-tokio, to bare relays", ("hops", "herd-tokio"), ("hops", "relay-tokio")),
    (
        "how long news takes two hops of herd-async-std, to bare relays",
        ("hops", "herd-async-std"),
        ("hops", "relay-async-std"),
    ),
    ("herd-tokio to a bare reqwest loop, lookups", ("lookups", "herd-tokio"), ("lookups", "reqwest")),
    ("herd-async-std to a bare surf loop, lookups", ("lookups", "herd-async-std"), ("lookups", "surf")),
    ("a bare server to a bare reqwest loop, lookups", ("lookups", "asker-tokio"), ("lookups", "reqwest")),
    ("a bare server to a bare surf loop, lookups", ("lookups", "asker-async-std"), ("lookups", "surf")),
]


def markdown(report, plots):
    setting = report["setting"]
    machine = report["machine"]
    parts = [
        MADE,
        "# Results",
        f"{report['date'][:10]}: {machine['processor']}, {machine['processors']} processors, "
        f"{machine['memory_gib']} GiB, {machine['kernel']}; load before: {machine['load_before']:.2f}. Rounds: "
        f"{setting['rounds']}, of {setting['seconds']:g} s where there is load; the figures are medians over them. "
        "What was measured, and how, is on [the page of the comparison](README.md); every round is in "
        "[measured.json](measured.json).",
    ]
    known = ratios(report["rows"])
    if known:
        parts.append("## Side by side")
        lines = ["| of the medians below | |", "|---|--:|"]
        parts.append("\n".join(lines + [f"| {text} | {ratio:.2f} |" for text, ratio in known]))
    for key, row in report["rows"].items():
        parts.append(f"## {row['title'].capitalize()}")
        rounds = max(map(len, row["rounds"].values()), default=0)
        if 0 < rounds < setting["rounds"]:
            parts.append(f"Rounds: {rounds}.")
        if key in plots:
            parts.append(f"![{row['title']}: {row['unit']}]({key}.svg)")
        parts.append(rows_table(row))
    parts.append("## Versions")
    parts.append("\n".join(f"- {name}: {version}" for name, version in report["versions"].items()))
    if report["left_out"]:
        parts.append("## Left out")
        parts.append("\n".join(f"- {name}: {reason}" for name, reason in report["left_out"].items()))
    return "\n\n".join(parts) + "\n"


def ratios(rows):
    """Those of `RATIOS` of which both figures were measured."""

    def median(key, name, figure=None):
        row = rows.get(key, {"medians": {}})
        return row["medians"].get(name, {}).get(figure or row.get("figure"))

    pairs = [(text, median(*above), median(*below)) for text, above, below in RATIOS]
    return [(text, above / below) for text, above, below in pairs if above and below]


def rows_table(row):
    """The best first, with the other figures of the row beside the one that counts."""
    key = row["figure"]
    names = ranked(row)
    if not names:
        return "Nothing could be measured."
    best = row["medians"][names[0]][key]
    others = list(dict.fromkeys(f for name in names for f in row["medians"][name] if f != key))
    lines = ["| | " + " | ".join([row["unit"], "least to most", "share of the best", *map(words, others)]) + " |"]
    lines.append("|---" + "|--:" * (3 + len(others)) + "|")
    for name in names:
        median = row["medians"][name]
        all_rounds = [figures[key] for figures in row["rounds"][name]]
        share = best / median[key] if row["less_is_better"] else median[key] / best
        cells = [number(median[key]), f"{number(min(all_rounds))} – {number(max(all_rounds))}", f"{share:.1%}"]
        cells += [number(median[other]) for other in others]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for name in row["left_out"]:
        lines.append(f"| {name} | left out" + " |" * (3 + len(others)))
    return "\n".join(lines)


def ranked(row):
    """The names of the programs, the best first."""
    key = row["figure"]
    return sorted(row["medians"], key=lambda name: row["medians"][name][key], reverse=not row["less_is_better"])


def words(figure):
    name, _, unit = figure.rpartition("_")
    text = f"{name} ({UNITS[unit]})" if unit in UNITS else figure
    return text.replace("_", " ").replace("cpu", "CPU")


def number(value):
    """Three digits that count, and no exponent."""
    if value >= 999.5:
        return f"{value:,.0f}"
    if 0 < value < 0.001:
        return f"{value:.6f}".rstrip("0")
    return f"{value:.3g}"
