from __future__ import annotations

from ldirector.core.events import Command
from ldirector.core.fallback_commands import FallbackCommands
from ldirector.core.model import VirtualKey
from tests.ldirector.core.build import MARK, VIP, real, virtual

WEB = virtual(real(1), fallbackcommand="/etc/ha.d/fb.sh own")
OTHER = virtual(real(1), key=VirtualKey("udp", 4, "10.1.1.10", 53), fallbackcommand="/etc/ha.d/fb.sh global")
MARKED = virtual(real(1), key=MARK, fallbackcommand="/etc/ha.d/fb.sh global")
SIX = virtual(real(1), key=VirtualKey("tcp", 6, "fd00::10", 80), fallbackcommand="/etc/ha.d/fb.sh six")
SILENT = virtual(real(1), key=VirtualKey("tcp", 4, "10.1.1.10", 81))


def lines(commands: list[Command]) -> list[str]:
    """As the script of vector 28 writes them down."""
    assert all(command.argv[0] == "/etc/ha.d/fb.sh" for command in commands)
    return [" ".join(command.argv[1:]) for command in commands]


def test_vector_28_starts_once_and_stops_once() -> None:
    commands, virtuals = FallbackCommands(), [WEB, OTHER, MARKED]
    assert lines(commands.follow(virtuals, {VIP, OTHER.key, MARK})) == [
        "own start 10.1.1.10:80 tcp",
        "global start 10.1.1.10:53 udp",
        "global start :0 fwm",
    ]
    assert lines(commands.follow(virtuals, {MARK})) == ["own stop 10.1.1.10:80 tcp", "global stop 10.1.1.10:53 udp"]
    assert lines(commands.follow(virtuals, set())) == ["global stop :0 fwm"]
    assert lines(commands.follow(virtuals, {VIP, MARK})) == ["own start 10.1.1.10:80 tcp", "global start :0 fwm"]
    assert lines(commands.follow(virtuals, {MARK})) == ["own stop 10.1.1.10:80 tcp"]


def test_nothing_runs_while_nothing_changes() -> None:
    commands = FallbackCommands()
    assert commands.follow([WEB], set()) == [], "a stop needs a start before it"
    commands.follow([WEB], {VIP})
    assert commands.follow([WEB], {VIP}) == []


def test_virtual_without_a_command_runs_none() -> None:
    assert FallbackCommands().follow([SILENT], {SILENT.key}) == []


def test_ipv6_address_stands_in_brackets() -> None:
    assert lines(FallbackCommands().follow([SIX], {SIX.key})) == ["six start [fd00::10]:80 tcp"]


def test_what_was_started_is_stopped_when_the_virtual_goes_or_the_node_becomes_standby() -> None:
    commands = FallbackCommands()
    commands.follow([WEB, OTHER], {VIP, OTHER.key})
    assert lines(commands.follow([OTHER], {OTHER.key})) == ["own stop 10.1.1.10:80 tcp"]
    assert lines(commands.follow([], set())) == ["global stop 10.1.1.10:53 udp"]
    assert commands.follow([], set()) == []


def test_another_command_is_started_after_the_old_one_was_stopped() -> None:
    commands = FallbackCommands()
    commands.follow([WEB], {VIP})
    changed = virtual(real(1), fallbackcommand="/etc/ha.d/fb.sh new")
    assert lines(commands.follow([changed], {VIP})) == ["own stop 10.1.1.10:80 tcp", "new start 10.1.1.10:80 tcp"]
    without = virtual(real(1))
    assert lines(commands.follow([without], {VIP})) == ["new stop 10.1.1.10:80 tcp"]


def test_stop_and_start_of_one_virtual_share_a_key_that_no_other_has() -> None:
    commands = FallbackCommands()
    same_place = virtual(real(1), key=VirtualKey("udp", 4, VIP.address, VIP.port), fallbackcommand="/etc/ha.d/fb.sh u")
    started = commands.follow([WEB, same_place, MARKED, SIX], {VIP, same_place.key, MARK, SIX.key})
    stopped = commands.follow([], set())
    assert [command.key for command in started] == [command.key for command in stopped]
    assert len({command.key for command in started}) == 4
    assert started[0].what == "fallbackcommand of 10.1.1.10:80: start"
