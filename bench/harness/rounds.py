"""In what order? Everybody in turns, so that whatever else the host does meets all; figures are then compared within a round."""
import math
import os
import statistics
import sys


def interleave(contestants, rounds, measure, show):
    """Name -> one result of measure(name, contestant) for each round.

    The order within a round turns around, so that nobody is always first. `show` makes a line of progress of a result.
    """
    runs = {name: [] for name in contestants}
    for n in range(rounds):
        for name in list(contestants) if n % 2 == 0 else reversed(list(contestants)):
            runs[name].append(measure(name, contestants[name]))
            print(f"  round {n + 1}/{rounds} {name}: {show(runs[name][-1])}, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    return runs


def summary(values):
    values = list(values)
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratios(values, references):
    """Of the figures of each round to those of the reference in the same round."""
    return [value / reference if reference else math.inf for value, reference in zip(values, references)]


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))
