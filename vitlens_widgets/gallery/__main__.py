"""The command line of the gallery."""

from __future__ import annotations

import argparse

from vitlens_widgets.errors import UsageError
from vitlens_widgets.gallery import gallery, tutorials


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m vitlens_widgets.gallery",
        description="Write the main pictures of the tutorials as offline pages, with an index.",
    )
    parser.add_argument("folder", help="where to; it is made if it is not there")
    try:
        gallery(parser.parse_args(arguments).folder, tutorials())
    except UsageError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
