"""Images from the web, fetched from a server of this test's own."""

from __future__ import annotations

import hashlib
import logging
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from tests.sentences import refused
from vitlens_widgets.data import read_image
from vitlens_widgets.errors import UsageError


class Recording(SimpleHTTPRequestHandler):
    """Serves a folder and remembers who asked for what."""

    asked: list[tuple[str, str]]

    def do_GET(self):
        self.asked.append((self.path, self.headers["User-Agent"]))
        super().do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def web(tmp_path, monkeypatch):
    """A folder, its address, and what was asked of it; the cache is empty and no proxy is used."""
    folder = tmp_path / "web"
    folder.mkdir()
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    handler = type("Handler", (Recording,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}", handler.asked
    server.shutdown()
    server.server_close()


def test_an_address_is_fetched_once_and_quietly(web, caplog, capfd):
    folder, address, asked = web
    pixels = np.random.default_rng(5).integers(0, 256, (4, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    with caplog.at_level(logging.INFO):
        for _ in range(2):
            np.testing.assert_array_equal(np.asarray(read_image(f"{address}/a.png")), pixels)
    assert asked == [("/a.png", "vitlens_widgets")]
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


def test_a_checksum_is_held_against_what_was_fetched(web):
    folder, address, asked = web
    Image.new("RGB", (7, 4), "red").save(folder / "a.png")
    expected = hashlib.sha256((folder / "a.png").read_bytes()).hexdigest()
    for source in (f"{address}/a.png", folder / "a.png"):
        assert read_image(source, sha256=expected).size == (7, 4)
    Image.new("RGB", (7, 4), "blue").save(folder / "b.png")
    for source in (f"{address}/b.png", str(folder / "b.png")):
        with refused(UsageError):
            read_image(source, sha256=expected)
    assert [path for path, _ in asked] == ["/a.png", "/b.png"]
    with refused(UsageError):
        read_image(np.zeros((4, 7)), sha256=expected)


def test_a_page_that_is_not_there_is_said(web):
    _, address, _ = web
    with refused(UsageError):
        read_image(f"{address}/nothing.png")


def test_what_is_no_image_does_not_stay_in_the_cache(web):
    folder, address, asked = web
    (folder / "a.png").write_text("<html>log in first</html>")
    for _ in range(2):
        with refused(UsageError):
            read_image(f"{address}/a.png")
    assert len(asked) == 2


@pytest.mark.usefixtures("web")
def test_without_a_connection_the_sentence_offers_a_file():
    with refused(UsageError):
        read_image("http://127.0.0.1:9/cat.jpg")  # the discard port: nobody listens
