import errno
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldirector.adapters.config_watch import ConfigFile


@pytest.fixture(autouse=True)
def no_file_is_waited_for() -> Iterator[None]:
    """A read that blocks or never ends fails its test."""

    def refuse(_number: int, _frame: object) -> None:
        raise AssertionError("reading the file does not end")

    before = signal.signal(signal.SIGALRM, refuse)
    signal.setitimer(signal.ITIMER_REAL, 5)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


class Clock:
    """Gives each version of the file a time stamp of its own."""

    now = 1_000_000_000


def write(path: Path, text: str) -> None:
    path.write_text(text)
    Clock.now += 1
    os.utime(path, (Clock.now, Clock.now))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ldirectord.cf"
    write(path, "one")
    return path


def loaded(path: Path) -> ConfigFile[str]:
    file = ConfigFile(path, lambda text, beside: f"{text}{beside}", path.with_suffix(".yaml"))
    assert file.load() == path.read_text()
    return file


def looks(file: ConfigFile[str], count: int = 4) -> list[bool]:
    return [file.changed() for _ in range(count)]


def test_an_unchanged_file_has_not_changed(path: Path) -> None:
    assert looks(loaded(path)) == [False] * 4


def test_a_new_text_is_said_once_when_it_has_settled(path: Path) -> None:
    file = loaded(path)
    write(path, "two")
    assert looks(file) == [False, True, False, False]


def test_a_file_that_is_still_being_written_is_waited_for(path: Path) -> None:
    file = loaded(path)
    for text in ("tw", "two", "two and"):
        write(path, text)
        assert not file.changed()
    assert file.changed()


def test_a_mere_touch_is_no_change(path: Path) -> None:
    file = loaded(path)
    write(path, "one")
    assert looks(file) == [False] * 4


def test_a_replaced_file_is_a_change_also_with_the_same_time_and_size(path: Path) -> None:
    file = loaded(path)
    fresh = path.with_name("fresh")
    fresh.write_text("two")
    os.utime(fresh, (Clock.now, Clock.now))
    os.replace(fresh, path)
    assert looks(file) == [False, True, False, False]


def test_a_missing_file_is_no_change_until_it_is_back(path: Path) -> None:
    file = loaded(path)
    path.unlink()
    assert looks(file) == [False] * 4
    write(path, "two")
    assert looks(file) == [False, True, False, False]


def test_a_text_that_was_refused_is_not_said_again(path: Path) -> None:
    def refuse(text: str, _beside: str) -> str:
        raise ValueError(text)

    file = ConfigFile(path, refuse)
    with pytest.raises(ValueError, match="one"):
        file.load()
    assert looks(file) == [False] * 4


def test_bytes_that_are_not_utf8_are_kept(path: Path) -> None:
    path.write_bytes(b'receive="\xe9"')
    text = ConfigFile(path, lambda text, _: text).load()
    assert text.encode("utf-8", "surrogateescape") == b'receive="\xe9"'


def test_companion_is_read_with_the_file_and_its_coming_and_going_are_changes(path: Path) -> None:
    file = loaded(path)
    beside = path.with_suffix(".yaml")
    write(beside, "beside")
    assert looks(file) == [False, True, False, False]
    assert file.load() == "onebeside"
    write(beside, "beside")
    assert looks(file) == [False] * 4
    beside.unlink()
    assert looks(file) == [False, True, False, False]
    assert file.load() == "one"


def put_in_place(kind: str, path: Path) -> None:
    path.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/null")
        case "folder":
            path.mkdir()


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", ["ldirectord.cf", "ldirectord.yaml"])
def test_what_is_no_regular_file_is_refused_by_its_name(kind: str, name: str, path: Path) -> None:
    file = loaded(path)
    put_in_place(kind, path.with_name(name))
    with pytest.raises(OSError, match="it is no regular file") as refused:
        file.load()
    assert (refused.value.errno, refused.value.filename) == (errno.EINVAL, str(path.with_name(name)))
    assert looks(file) == [False] * 4


@pytest.mark.parametrize("name", ["ldirectord.cf", "ldirectord.yaml"])
def test_a_file_is_read_up_to_16_mib(name: str, path: Path) -> None:
    file = loaded(path)
    with path.with_name(name).open("wb") as large:
        large.truncate(16 << 20)
    assert len(file.load()) >= 16 << 20
    os.truncate(path.with_name(name), (16 << 20) + 1)
    with pytest.raises(OSError, match="it is larger than 16 MiB") as refused:
        file.load()
    assert (refused.value.errno, refused.value.filename) == (errno.EFBIG, str(path.with_name(name)))


@pytest.mark.parametrize("name", ["ldirectord.cf", "ldirectord.yaml"])
def test_an_unreadable_file_is_named(name: str, path: Path) -> None:
    file = loaded(path)
    place = path.with_name(name)
    place.unlink(missing_ok=True)
    place.symlink_to(place)  # refused to root as well
    with pytest.raises(OSError, match="symbolic links") as refused:
        file.load()
    assert refused.value.filename == str(place)


def test_a_socket_in_place_of_the_file_is_refused_by_its_name(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        with pytest.raises(OSError, match="it is no regular file") as refused:
            ConfigFile(path, lambda text, _: text).load()
    assert refused.value.filename == str(path)


def test_a_missing_file_is_named(path: Path) -> None:
    path.unlink()
    with pytest.raises(FileNotFoundError) as refused:
        ConfigFile(path, lambda text, _: text).load()
    assert refused.value.filename == str(path)


def test_a_link_to_a_regular_file_is_read(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    assert ConfigFile(link, lambda text, _: text).load() == "one"
