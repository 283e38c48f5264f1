"""Whether a hub can be asked, which libraries would else try for half a minute."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlparse
from urllib.request import getproxies


def _hub_is_unreachable() -> bool:
    """Whether the hub's name cannot even be resolved and no proxy could do so.

    Asked first because the hub's own client tries for half a minute before it gives up.
    """
    from huggingface_hub import constants

    if getproxies():
        return False
    host = urlparse(constants.ENDPOINT).hostname
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return True
    return False


@contextmanager
def hub_offline_where_unreachable() -> Iterator[bool]:
    """While this lasts, an unreachable hub is not asked: only files fetched before are used.

    Yields:
        Whether the hub is unreachable.
    """
    from huggingface_hub import constants

    unreachable, before = _hub_is_unreachable(), constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or unreachable
    try:
        yield unreachable
    finally:
        constants.HF_HUB_OFFLINE = before
