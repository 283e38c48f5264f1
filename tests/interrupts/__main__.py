"""Strikes calls at random and says what was left behind: `python -m tests.interrupts --n 500`."""

from __future__ import annotations

import argparse
from collections import Counter

import torch

from tests.interrupts.calls import CALLS
from tests.interrupts.round import WAYS, blows


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100, help="how many for each call and way")
    parser.add_argument("--calls", nargs="*", default=list(CALLS), choices=list(CALLS))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    sums: Counter[str] = Counter()
    for way in options.ways:
        for name in options.calls:
            found = list(blows(name, way, options.n, options.seed))
            struck = sum(bool(blow.struck.error) for blow in found)
            fell = [blow for blow in found if blow.left]
            sums.update({"struck": struck, "left something": len(fell)})
            print(f"{way}: {name}: {struck} of {len(found)} struck, {len(fell)} left something")
            for blow in fell[:5]:
                print(f"    {blow.struck.error}\n        " + "\n        ".join(blow.left[:4]))
    print(dict(sums))


if __name__ == "__main__":
    main()
