"""What is done about kernel settings; /proc/sys is a folder of the test."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldirector import kernel_settings
from ldirector.adapters import sysctl
from ldirector.config.director_config import DirectorConfig
from ldirector.core.events import Level
from tests.ldirector.core.build import real, virtual

NAME = "net.ipv4.ip_forward"


@pytest.fixture
def forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sysctl, "ROOT", tmp_path)
    path = tmp_path / NAME.replace(".", "/")
    path.parent.mkdir(parents=True)
    path.write_text("0\n")
    return path


def settled(mode: str) -> list[tuple[Level, str]]:
    return list(kernel_settings.settle(DirectorConfig("x.cf", (virtual(real(1)),), sysctl=mode)))


def test_what_should_be_otherwise_is_told_with_its_effect_and_cure(forward: Path) -> None:
    ((level, words),) = settled("check")
    assert level is Level.WARNING
    assert words == (
        f"{NAME} is 0: packets to and from servers with masq are not forwarded: no client is served "
        f"(sysctl -w {NAME}=1, or sysctl: manage in ldirector.yaml)"
    )
    assert forward.read_text() == "0\n"


def test_managed_setting_is_set_and_said(forward: Path) -> None:
    ((level, words),) = settled("manage")
    assert (level, forward.read_text()) == (Level.INFO, "1\n")
    assert words.startswith(f"{NAME} is set to 1, it was 0: ")
    assert settled("manage") == []


def test_setting_that_cannot_be_set_is_told_with_the_reason(forward: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, value: int) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(sysctl, "write", refuse)
    ((level, words),) = settled("manage")
    assert (level, words.endswith("; it cannot be set here: Read-only file system")) == (Level.WARNING, True)


def test_nothing_is_looked_at_when_it_is_off_or_not_there(forward: Path) -> None:
    assert settled("off") == []
    forward.unlink()
    assert settled("check") == []
