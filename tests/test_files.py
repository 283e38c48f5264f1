"""Files are there whole or not at all: full and read-only disks, links, killed programs."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.sentences import refused
from vitlens_widgets import files
from vitlens_widgets.errors import UsageError
from vitlens_widgets.files import made_folder, path_for, reserve, try_out, whole_file, write_whole

OLD = b"what was there before"


@pytest.fixture(autouse=True)
def _unswept(monkeypatch):
    monkeypatch.setattr(files, "_swept", set())


@contextmanager
def room_for(n_bytes):
    """A disk on which no file can be longer, as the system itself sees to it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def anothers():
    """A folder, and this program without the rights of root, whom no mode keeps out."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, 65534, -1)
        os.seteuid(65534)
    yield folder
    folder.chmod(0o700)
    if is_root:
        os.seteuid(0)
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def test_a_file_is_written_whole_and_nothing_is_left_beside_it(tmp_path):
    file = tmp_path / "a.bin"
    write_whole(file, OLD)
    assert file.read_bytes() == OLD
    with whole_file(file) as writing:
        writing.write(b"new")
        writing.flush()
        assert file.read_bytes() == OLD
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_whatever_goes_wrong_inside_leaves_the_old_file(tmp_path):
    file = tmp_path / "a.bin"
    write_whole(file, OLD)

    def fail(error):
        with whole_file(file) as writing:
            writing.write(b"half of")
            raise error

    for error in (KeyboardInterrupt, ValueError, MemoryError):
        with pytest.raises(error):
            fail(error)
        assert file.read_bytes() == OLD
        assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("there", [True, False])
def test_a_disk_without_room_is_said_and_the_old_file_stays(tmp_path, there):
    file = tmp_path / "a.bin"
    if there:
        write_whole(file, OLD)
    with room_for(1000), refused(UsageError):
        write_whole(file, b"x" * 100_000)
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(file, OLD)] * there


def test_a_disk_that_is_full_when_all_is_to_be_kept_is_said(tmp_path, monkeypatch):
    file = tmp_path / "a.bin"
    write_whole(file, OLD)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with refused(UsageError):
        write_whole(file, b"new")
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(file, OLD)]


def test_a_read_only_folder_or_file_is_said(anothers):
    file = anothers / "a.bin"
    write_whole(file, OLD)
    file.chmod(0o444)
    with refused(UsageError):
        write_whole(file, b"new")
    anothers.chmod(0o555)
    for act in (try_out, lambda path: write_whole(path, b"new")):
        for path in (file, anothers / "b.bin"):
            with refused(UsageError):
                act(path)
    assert file.read_bytes() == OLD
    assert list(anothers.iterdir()) == [file]


def test_what_names_no_file_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.iterdir())
    for name in (
        "folder",
        "nowhere/a.bin",
        "file/a.bin",
        "x" * 300,
        "a\0b",
        "circle",
        "pipe",
    ):
        with refused(UsageError):
            write_whole(path_for(tmp_path / name, "a.bin"), b"new")
    for given in (None, 3, [tmp_path]):
        with refused(UsageError):
            path_for(given, "a.bin")
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "file").read_bytes() == OLD


def test_a_link_stays_one_and_its_file_is_written(tmp_path):
    target, link = tmp_path / "elsewhere" / "a.bin", tmp_path / "link"
    target.parent.mkdir()
    target.write_bytes(OLD)
    link.symlink_to("elsewhere/a.bin")
    write_whole(path_for(link, "a.bin"), b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    target.unlink()  # a link to what is not there yet
    write_whole(path_for(link, "a.bin"), b"newer")
    assert target.read_bytes() == b"newer"
    assert [path.name for path in target.parent.iterdir()] == ["a.bin"]
    target.unlink()
    target.parent.rmdir()
    with refused(UsageError):
        write_whole(path_for(link, "a.bin"), b"new")


def test_the_mode_of_a_file_stays_and_a_new_one_has_the_usual(tmp_path):
    usual, file = tmp_path / "usual", tmp_path / "a.bin"
    usual.write_bytes(b"")
    write_whole(file, OLD)
    assert file.stat().st_mode == usual.stat().st_mode
    file.chmod(0o640)
    write_whole(file, b"new")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_long_name_that_is_just_allowed_can_be_written(tmp_path):
    file = tmp_path / ("x" * 255)
    write_whole(path_for(file, "a.bin"), OLD)
    assert file.read_bytes() == OLD


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_bytes(OLD)
    assert made_folder(tmp_path / "a" / "b").is_dir()
    for name in ("file", "file/a", "a\0b"):
        with refused(UsageError):
            made_folder(tmp_path / name)


def test_room_is_taken_before_a_map_is_written(tmp_path):
    file = tmp_path / "map"
    with file.open("w+b") as opened:
        reserve(opened, 10_000, file)
        assert file.stat().st_size == 10_000
        assert file.stat().st_blocks * 512 >= 10_000
        with room_for(20_000), refused(UsageError):
            reserve(opened, 100_000, file)


def test_many_threads_with_one_file_never_tear_it(tmp_path):
    file = tmp_path / "a.bin"
    contents = [bytes([i]) * 50_000 for i in range(4)]
    write_whole(file, contents[0])
    errors, torn = [], []

    def write(content):
        try:
            for _ in range(20):
                write_whole(file, content)
                if (found := file.read_bytes()) not in contents:
                    torn.append(found)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert not torn
    assert list(tmp_path.iterdir()) == [file]


WRITER = """
import sys
from pathlib import Path
from vitlens_widgets.files import whole_file
number = 0
while True:
    with whole_file(Path(sys.argv[1])) as file:
        for part in range(200):
            file.write(bytes([number % 251]) * 5000)
            if part == 100:
                file.flush()
                print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("after", [1, 3, 8])
def test_a_killed_program_leaves_the_last_whole_file_and_its_rest_goes(tmp_path, after):
    file = tmp_path / "a.bin"
    running = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True
    )
    for _ in range(after + 1):
        running.stdout.readline()
    running.kill()  # in the middle of a file
    running.communicate()
    content = file.read_bytes()
    assert len(content) == 1_000_000
    assert len(set(content)) == 1
    parts = set(tmp_path.iterdir()) - {file}
    age(parts)
    write_whole(file, OLD)
    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(file, OLD)]


HOLDER = """
import sys
from pathlib import Path
from vitlens_widgets.files import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("begun", flush=True)
    sys.stdin.readline()
"""


def test_what_a_living_program_writes_or_is_young_is_left_alone(tmp_path):
    slow, file = tmp_path / "slow.bin", tmp_path / "a.bin"
    running = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(slow)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    running.stdout.readline()
    (part,) = tmp_path.iterdir()
    age([part])
    write_whole(file, OLD)
    assert part.exists()
    running.communicate("go on\n")
    assert slow.read_bytes() == b"half"
    assert not part.exists()
    part.write_bytes(b"young")
    files._swept.clear()
    write_whole(file, OLD)
    assert part.exists()
    age([part])
    files._swept.clear()
    write_whole(file, OLD)
    assert sorted(tmp_path.iterdir()) == [file, slow]


def age(parts):
    """Make files as old as an hour."""
    for part in parts:
        os.utime(part, (time.time() - 3600,) * 2)
