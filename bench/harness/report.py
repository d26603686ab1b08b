"""What came out? One table on standard output, and everything as JSON."""
import json
import os


def spread(s, digits=2):
    return f"{s['median']:.{digits}f} ({s['min']:.{digits}f}-{s['max']:.{digits}f})"


def print_table(columns, rows):
    table = [columns, *rows]
    widths = [max(len(row[c]) for row in table) for c in range(len(columns))]
    for n, row in enumerate(table):
        print("| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |")
        if n == 0:
            print("| " + " | ".join("-" * width for width in widths) + " |")


def print_heading(title, host, load, **more):
    """The title, and below it what a reader has to know about where the table comes from."""
    print(title)
    for key, value in {**host, **more}.items():
        value = ", ".join(value) if isinstance(value, list) else value
        print(f"  {key.replace('_', ' ') + ':':<14}{value}")
    print(f"  {'load:':<14}{load[0]:.1f} before, {load[1]:.1f} after; one CPU is busy with the guest itself\n")


def write_json(path, content):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w") as out:
        json.dump(content, out, indent=2)
        out.write("\n")


def print_goals(name, goals):
    """[(goal, what was measured, whether that is enough)]"""
    print(f"\nGoals, for {name}:")
    for goal, got, met in goals:
        print(f"  {'met   ' if met else 'MISSED'}  {goal}: {got}")
