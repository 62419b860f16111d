"""The watchdog, with a pipe in place of the device: what is read from it is what the driver would be told."""

from __future__ import annotations

import os

import pytest

from hbeat.adapters.watchdog import Watchdog


@pytest.fixture
def device(tmp_path):
    path = tmp_path / "watchdog"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    yield str(path), reading
    os.close(reading)


def test_it_is_fed_once_in_each_interval(device):
    path, reading = device
    watchdog = Watchdog(path)
    assert [watchdog.feed(now, 1.0) for now in (10.0, 10.5, 11.0, 11.9)] == [""] * 4
    assert os.read(reading, 100) == b"\0\0"
    watchdog.close()


def test_an_orderly_end_says_farewell(device):
    path, reading = device
    watchdog = Watchdog(path)
    watchdog.feed(10.0, 1.0)
    watchdog.close()
    assert os.read(reading, 100) == b"\0V"


def test_a_device_that_does_not_take_it_is_told_and_raises_nothing(tmp_path):
    watchdog = Watchdog("/dev/full")
    assert "cannot be written to: No space left on device" in watchdog.feed(10.0, 1.0)
    watchdog.close()


def test_a_device_that_is_not_there_is_an_error_at_the_start(tmp_path):
    with pytest.raises(FileNotFoundError):
        Watchdog(str(tmp_path / "missing"))
