"""Whether a hub can be asked, which libraries would else try for half a minute."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from typing import TypeVar
from urllib.parse import urlparse
from urllib.request import getproxies

from vitlens_widgets.models.cleanup import Cleanup, clean

R = TypeVar("R")


def hub_is_unreachable() -> bool:
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


@clean
def ask_hub(ask: Callable[[], R]) -> R:
    """What `ask()` gives, which may fetch from the hub.

    An unreachable one is not asked: only files fetched before are used.
    """
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    with Cleanup(partial(setattr, constants, "HF_HUB_OFFLINE", before)):
        constants.HF_HUB_OFFLINE = before or hub_is_unreachable()
        return ask()
