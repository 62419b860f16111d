"""Which file does a resource's work, and how its end is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hbeat.agents import lookup
from hbeat.agents.lookup import LookupFailed, command_for, judge_agent, judge_unit
from hbeat.core.events import Action
from hbeat.core.model import Resource

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Writes an executable below a root of its own; systemd runs there."""
    monkeypatch.setattr(lookup, "SCRIPT_PLACES", (tmp_path / "resource.d", tmp_path / "init.d"))
    monkeypatch.setattr(lookup, "OCF_ROOT", tmp_path / "ocf")
    monkeypatch.setattr(lookup, "OCF_CONF", tmp_path / "conf")
    monkeypatch.setattr(lookup, "UNIT_PLACES", (tmp_path / "units",))
    monkeypatch.setattr(lookup, "SYSTEMD_RUNS", tmp_path / "systemd")
    (tmp_path / "systemd").mkdir()

    def write(path: str, text: str = "#!/bin/sh\n", mode: int = 0o755) -> Path:
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        return target

    return write


def resource(word: str) -> Resource:
    script, *arguments = word.split("::")
    return Resource(word, script, tuple(arguments))


def test_the_first_place_that_has_it_wins(install: Install) -> None:
    install("units/web.service", mode=0o644)
    assert command_for(resource("web"), Action.START).argv == ["systemctl", "start", "--", "web.service"]
    agent = install("ocf/resource.d/acme/web")
    assert command_for(resource("web"), Action.START).argv == [str(agent), "start"]
    of_heartbeat = install("ocf/resource.d/heartbeat/web")
    assert command_for(resource("web"), Action.STATUS).argv == [str(of_heartbeat), "monitor"]
    init = install("init.d/web")
    assert command_for(resource("web::a::b"), Action.STOP).argv == [str(init), "a", "b", "stop"]
    install("resource.d/web", mode=0o644)
    assert command_for(resource("web"), Action.STATUS).argv == [str(init), "status"]
    script = install("resource.d/web")
    assert command_for(resource("web"), Action.STATUS).argv == [str(script), "status"]


def test_arguments_of_an_agent_become_its_parameters(install: Install) -> None:
    install("ocf/resource.d/heartbeat/Filesystem")
    env = command_for(resource("Filesystem::/dev/sdb1::fstype=ext4"), Action.START).env
    assert (env["OCF_RESKEY_1"], env["OCF_RESKEY_2"]) == ("/dev/sdb1", "fstype=ext4")
    assert env["OCF_RESKEY_fstype"] == "ext4"
    assert (env["OCF_RESOURCE_TYPE"], env["OCF_RESOURCE_PROVIDER"]) == ("Filesystem", "heartbeat")


def test_wrapper_form_reads_the_parameters_of_the_instance_and_runs_nothing_in_them(install: Install) -> None:
    agent = install("ocf/resource.d/heartbeat/db2")
    text = "# of the database\nexport OCF_RESKEY_instance='inst 1' # name\nadmin=$(touch canary)\n\n"
    install("conf/db2/one", text.replace("$(touch canary)", "'$(touch canary)'"), mode=0o644)
    command = command_for(resource("OCF::db2::one"), Action.STATUS)
    assert command.argv == [str(agent), "monitor"]
    assert command.env["OCF_RESKEY_instance"] == "inst 1"
    assert command.env["OCF_RESKEY_admin"] == "$(touch canary)"


@pytest.mark.parametrize(
    ("word", "text", "what"),
    [
        ("OCF::db2", "", "write OCF::TYPE::INSTANCE"),
        ("OCF::db2::../one", "", "write OCF::TYPE::INSTANCE"),
        ("OCF::none::one", "", "no executable none in"),
        ("OCF::db2::two", "", "conf/db2/two cannot be read: No such file or directory"),
        ("OCF::db2::one", "a=1\nif true; then\n", "conf/db2/one:2: if true; then is not NAME=VALUE"),
        ("OCF::db2::one", "a='1\n", "conf/db2/one:1: No closing quotation"),
        ("web::x", "", "web.service is a systemd unit and takes no arguments"),
        ("nothing", "", "no executable nothing in"),
        ("nothing", "", "nor a systemd unit nothing.service"),
    ],
)
def test_what_cannot_be_found_is_told_with_where_it_was_looked_for(
    install: Install, word: str, text: str, what: str
) -> None:
    install("ocf/resource.d/heartbeat/db2")
    install("conf/db2/one", text, mode=0o644)
    install("units/web.service", mode=0o644)
    with pytest.raises(LookupFailed) as caught:
        command_for(resource(word), Action.START)
    assert what in str(caught.value)


def test_unit_of_a_template_and_of_another_kind(install: Install) -> None:
    install("units/openvpn@.service", mode=0o644)
    install("units/data.mount", mode=0o644)
    assert command_for(resource("openvpn@office"), Action.STOP).argv[-1] == "openvpn@office.service"
    assert command_for(resource("data.mount"), Action.STATUS).argv == ["systemctl", "is-active", "--", "data.mount"]


def test_units_are_not_looked_for_where_systemd_does_not_run(install: Install, tmp_path: Path) -> None:
    install("units/web.service", mode=0o644)
    (tmp_path / "systemd").rmdir()
    with pytest.raises(LookupFailed, match="no executable web in"):
        command_for(resource("web"), Action.START)


@pytest.mark.parametrize(("status", "ok", "running"), [(0, True, True), (7, True, False), (8, True, True)])
def test_monitor_of_an_agent_answers_by_its_exit_status(status: int, ok: bool, running: bool) -> None:
    outcome = judge_agent(Action.STATUS, status, "not running")
    assert (outcome.ok, outcome.running) == (ok, running)


@pytest.mark.parametrize("status", [1, 5, 9, -9])
def test_monitor_that_fails_has_not_said_that_the_resource_is_stopped(status: int) -> None:
    assert not judge_agent(Action.STATUS, status, "").ok
    assert not judge_agent(Action.STOP, status, "").ok


@pytest.mark.parametrize(
    ("state", "ok", "running"),
    [
        ("active", True, True),
        ("reloading", True, True),
        ("inactive", True, False),
        ("failed", True, False),
        ("activating", False, False),
        ("deactivating", False, False),
        ("", False, False),
    ],
)
def test_unit_answers_by_its_state(state: str, ok: bool, running: bool) -> None:
    outcome = judge_unit(Action.STATUS, 3, state)
    assert (outcome.ok, outcome.running) == (ok, running)
