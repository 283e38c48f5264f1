"""Images from servers that mean harm, or only behave as if: each is left in time, with a word."""

from __future__ import annotations

import base64
import gzip
import io
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from tests.sentences import refused
from vitlens_widgets.data import download, encoded, read_image
from vitlens_widgets.errors import UsageError

PIXELS = np.random.default_rng(8).integers(0, 256, (5, 8, 3), dtype=np.uint8)
WEB = {"PNG", "BMP", "GIF", "WEBP", "AVIF", "JPEG"}


def encoded_as(kind, pixels=PIXELS):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def bomb(width=50_000, height=50_000):
    """A PNG of a few bytes that says it has these pixels."""

    def part(kind, content):
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = part(b"IHDR", head) + part(b"IDAT", zlib.compress(bytes(100))) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


class Bad(BaseHTTPRequestHandler):
    """Answers every path by the method of that name."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(self.path)
        try:
            getattr(self, self.path.strip("/").split("/")[0])()
        except (BrokenPipeError, ConnectionResetError):
            self.server.left.set()
        self.close_connection = True

    def give(self, content, status=200, **headers):
        self.send_response(status)
        words = {"content-length": len(content), "content-type": "image/png", **headers}
        words["connection"] = "close"
        for name, value in words.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def drip(self):
        """A byte now and then, and never the last one."""
        self.send_response(200)
        self.send_header("content-length", "1000000")
        self.end_headers()
        self.bytes_for_ever()

    def head(self):
        """The first line alone, and then a header that does not end."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        self.bytes_for_ever()

    def bytes_for_ever(self):
        while not self.server.over.wait(0.05):
            self.wfile.write(b"x")

    def endless(self):
        """No length, and no end."""
        self.send_response(200)
        self.end_headers()
        while not self.server.over.is_set():
            self.wfile.write(bytes(2**16))

    def huge(self):
        self.send_response(200)
        self.send_header("content-length", str(10**30))
        self.end_headers()

    def short(self):
        self.send_response(200)
        self.send_header("content-length", "5000")
        self.end_headers()
        self.wfile.write(encoded_as("PNG"))

    def zipped(self):
        self.give(gzip.compress(bytes(4_000_000)), **{"content-encoding": "gzip"})

    def page(self):
        self.give(b"<html>log in", **{"content-type": "text/html; charset=utf-8"})

    def error(self):
        self.give(b"busy", 503)

    def nonsense(self):
        self.wfile.write(b"SSH-2.0-OpenSSH_9.9\r\n")

    def bomb(self):
        self.give(bomb())

    def large(self):
        self.give(bomb(12_000, 9_000))

    def format(self):
        self.give(encoded_as(self.path.rsplit("/", 1)[1]))

    def to(self):
        """Leads on; a number of times to itself, then to the image."""
        where = self.path.removeprefix("/to/")
        times = int(where) if where.isdecimal() else -1
        then = "/format/PNG" if times == 0 else f"/to/{times - 1}" if times > 0 else where
        self.give(b"", 302, location=then)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The server; the cache is empty, no proxy is used, and its drips end with the test."""
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bad)
    server.asked, server.left, server.over = [], threading.Event(), threading.Event()
    server.at = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


def is_refused(source):
    with refused(UsageError):
        read_image(source)


@pytest.mark.parametrize("kind", ["drip", "head"])
def test_a_server_that_sends_a_byte_now_and_then_is_left_when_time_is_over(
    server, kind, monkeypatch
):
    monkeypatch.setattr(download, "MOST_SECONDS", 2.0)  # on a full machine it must get there
    is_refused(f"{server.at}/{kind}")
    if kind == "drip":  # the connection does not stay open behind the back of who asked
        assert server.left.wait(20)


def test_so_it_is_when_the_user_interrupts(server):
    waited = iter([False, False])

    class Event(threading.Event):
        def wait(self, _timeout=None):
            if next(waited, None) is None:
                raise KeyboardInterrupt
            return False

    made = download._Download(f"{server.at}/drip")
    made._over = Event()
    with pytest.raises(KeyboardInterrupt):
        made.content()
    assert made._left.is_set()


@pytest.mark.parametrize("kind", ["endless", "huge", "zipped"])
def test_more_bytes_than_an_image_has_are_not_fetched(server, kind, monkeypatch):
    monkeypatch.setattr(download, "MOST_BYTES", 3_000_000)
    is_refused(f"{server.at}/{kind}")


@pytest.mark.parametrize("kind", ["short", "page", "error", "nonsense", "bomb", "large"])
def test_what_is_no_whole_image_is_said(server, kind):
    is_refused(f"{server.at}/{kind}")
    assert server.asked == [f"/{kind}"]


@pytest.mark.parametrize("kind", sorted(WEB))
def test_formats_of_the_web_are_read(server, kind):
    read = np.asarray(read_image(f"{server.at}/format/{kind}"))
    assert read.shape == PIXELS.shape
    if kind in ("PNG", "BMP"):
        np.testing.assert_array_equal(read, PIXELS)


@pytest.mark.parametrize("kind", ["TIFF", "EPS", "PCX", "TGA"])
def test_other_formats_are_not(server, kind):
    is_refused(f"{server.at}/format/{kind}")


def test_no_document_is_read_from_memory():
    for kind in ("EPS", "PCX"):
        is_refused(encoded_as(kind))
    for kind in ("TIFF", "PPM", "JPEG2000"):
        np.testing.assert_array_equal(read_image(encoded_as(kind)), PIXELS)


def test_a_few_redirects_are_followed_and_no_more(server):
    np.testing.assert_array_equal(read_image(f"{server.at}/to/4"), PIXELS)
    is_refused(f"{server.at}/to/40")


@pytest.mark.parametrize(
    "where", ["file:///etc/hostname", "ftp://127.0.0.1/a.png", "data:image/png;base64,AAAA", "//"]
)
def test_redirects_lead_to_the_web_alone(server, where):
    is_refused(f"{server.at}/to/{where}")


def test_a_redirect_does_not_give_up_encryption():
    class Session:
        def get(self, *_, **__):
            answer = io.BytesIO()
            answer.is_redirect, answer.headers = True, {"location": "http://example.org/a.png"}
            return answer

    with refused(UsageError):
        download._answer(Session(), "https://example.org/a.png")


@pytest.mark.parametrize(
    "source",
    [
        "http://",
        "http://[",
        "https:///a.png",
        f"http://{'a' * 70}.org/",
        "http://\0",
        "ftp://a.org/a.png",
        "file:///etc/hostname",
        "s3://bucket/a.png",
    ],
)
@pytest.mark.usefixtures("server")
def test_addresses_that_are_none_are_said(source):
    is_refused(source)


@pytest.mark.usefixtures("server")
def test_so_are_those_that_cannot_be_written():
    with pytest.raises(UsageError):
        read_image("http://\ud800.org")


def test_a_data_address_holds_its_image_itself():
    text = base64.b64encode(encoded_as("PNG")).decode()
    np.testing.assert_array_equal(read_image(f"data:image/png;base64,{text}"), PIXELS)
    np.testing.assert_array_equal(read_image(f"DATA:;BASE64,{text}"), PIXELS)
    quoted = "".join(f"%{byte:02x}" for byte in encoded_as("PNG"))
    np.testing.assert_array_equal(read_image(f"data:image/png,{quoted}"), PIXELS)


@pytest.mark.parametrize(
    "source", ["data:", "data:image/png;base64,", "data:image/png;base64,A", "data:,no image"]
)
def test_a_data_address_without_an_image_is_said(source):
    is_refused(source)


def test_what_is_in_memory_has_the_same_bounds(monkeypatch):
    is_refused(bomb())
    is_refused(bomb(12_000, 9_000))
    is_refused(f"data:image/png;base64,{base64.b64encode(bomb(12_000, 9_000)).decode()}")
    is_refused(f"data:image/eps;base64,{base64.b64encode(encoded_as('EPS')).decode()}")
    monkeypatch.setattr(encoded, "MOST_BYTES", 50)
    is_refused(bytes(51))
    is_refused(io.BytesIO(bytes(51)))
    with open("/dev/zero", "rb") as endless:  # noqa: PTH123
        is_refused(endless)
    is_refused(f"data:image/png;base64,{'A' * 300}")
    is_refused(f"data:image/png;base64,{'A' * 72}")  # 54 bytes
