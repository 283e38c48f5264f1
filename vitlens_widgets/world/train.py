"""Train an embedded model anew: `python -m vitlens_widgets.world.train toy/p32`.

It may be interrupted at any moment: the same command goes on where it stopped. At the end it
measures the result on held-out scenes and prints its card.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from .command import main

    main()
else:  # the file is the command, the name is the function's: `world.train(...)`
    from .own import train

    sys.modules[__name__] = train
