from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import pytest

from hbeat.adapters.udp import Media
from hbeat.config.media import Medium, MediumKind

PORT = 6940 + os.getpid() % 1000


@pytest.fixture
def media() -> Iterator[Media]:
    made = Media([Medium(MediumKind.UCAST, "lo", "127.0.0.1", PORT, 1)], {})
    assert made.open() == []
    yield made
    made.close()


@pytest.fixture
def no_descriptor() -> Iterator[None]:
    """This process can open nothing more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    fillers = [os.open("/dev/null", os.O_RDONLY)]
    while fillers[-1] < highest:
        fillers.append(os.open("/dev/null", os.O_RDONLY))
    resource.setrlimit(resource.RLIMIT_NOFILE, (fillers[-1] + 1, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)
    for filler in fillers:
        os.close(filler)


def test_interfaces_are_still_there_when_no_descriptor_is_left(media: Media, no_descriptor: None) -> None:
    assert media.send(b"a heartbeat", 0.0) == []


def test_interface_that_is_not_there_is_told_of_at_the_opening() -> None:
    made = Media([Medium(MediumKind.UCAST, name, "127.0.0.1", PORT, 1) for name in ("lo", "absent0")], {})
    (warning,) = made.open()
    assert warning.startswith("ha.cf:1: there is no interface absent0; bring it up or correct the line; ")
    made.close()
