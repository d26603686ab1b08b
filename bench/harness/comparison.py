"""Rows that several have run: times, ratios to a reference within each round, geometric means."""
from . import report, rounds


def compare(runs, key, references):
    """Row -> name -> its seconds, and its ratio to each of the references."""
    table = {}
    for row in max((results[0]["rows"] for results in runs.values()), key=len):
        table[row] = {}
        for name, results in runs.items():
            seconds = [result["rows"][row][key] for result in results if row in result["rows"]]
            if not seconds:
                continue
            figures = {**rounds.summary(seconds), "runs": seconds, "ratio": {}}
            for reference in references:
                theirs = [result["rows"][row][key] for result in runs.get(reference, []) if row in result["rows"]]
                if theirs and reference != name:
                    figures["ratio"][reference] = rounds.summary(rounds.ratios(seconds, theirs))
            table[row][name] = figures
    return table


def geometric_means(table, name, reference):
    """Of the median ratios of all rows that both have."""
    medians = [of[name]["ratio"][reference]["median"] for of in table.values() if reference in of.get(name, {}).get("ratio", {})]
    return rounds.geometric_mean(medians) if medians else None


def print_comparison(table, names, references, verdict):
    """Milliseconds of each, and ratios to the references that come before it in `names`. `verdict` is called for each row."""
    columns, means, lines = ["row"], ["geometric mean"], [[row] for row in table]
    for n, name in enumerate(names):
        columns.append(f"{name}, ms")
        means.append("")
        for line, of in zip(lines, table.values()):
            line.append(milliseconds(of[name]) if name in of else "")
        for reference in references:
            if reference not in names[:n]:
                continue
            columns.append(f"/ {reference}")
            mean = geometric_means(table, name, reference)
            means.append(f"{mean:.2f}" if mean else "")
            for line, of in zip(lines, table.values()):
                ratio = of.get(name, {}).get("ratio", {}).get(reference)
                line.append(report.spread(ratio) if ratio else "")
    for line, (row, of) in zip(lines, table.items()):
        line.append(verdict(row, of))
    report.print_table([*columns, "verdict"], [*lines, [*means, ""]])


def milliseconds(s):
    return report.spread({key: s[key] * 1000 for key in ("median", "min", "max")}, 1)
