"""Files of root's in a directory that somebody else may write to: links that were put there lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from hbeat.adapters.identity import next_generation, node_uuid
from hbeat.adapters.peer_file import PeerFile
from hbeat.adapters.state_file import replace_file
from hbeat.core.model import PeerRecord


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    made = tmp_path / "victim"
    made.write_text("precious")
    return made


@pytest.fixture
def state(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir()
    return made


@pytest.mark.parametrize("name", ["hb_generation", "hb_uuid", "hb_peer"])
def test_link_in_the_place_of_new_content_is_not_followed(name: str, state: Path, victim: Path) -> None:
    (state / f"{name}.new").symlink_to(victim)
    next_generation(state, "file")
    node_uuid(state, "test1.com", "file")
    peer_file = PeerFile(state)
    peer_file.keep(PeerRecord("test2.com", 105, 5000, ours=True))
    peer_file.close()
    assert victim.read_text() == "precious"
    assert (state / name).stat().st_size > 0
    assert sorted(path.name for path in state.iterdir()) == ["hb_generation", "hb_peer", "hb_uuid"]


@pytest.mark.parametrize("sync", [True, False])
def test_link_in_the_place_of_the_file_is_replaced(sync: bool, state: Path, victim: Path) -> None:
    path = state / "hb_peer"
    path.symlink_to(victim)
    replace_file(path, b"new", sync=sync)
    assert victim.read_text() == "precious"
    assert (path.is_symlink(), path.read_bytes(), path.stat().st_mode & 0o777) == (False, b"new", 0o600)


def test_link_that_is_put_there_at_the_last_moment_ends_the_attempt(
    state: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = state / "hb_peer"
    path.write_text("old")
    monkeypatch.setattr(Path, "unlink", lambda path: path.symlink_to(victim))
    with pytest.raises(FileExistsError):
        replace_file(path, b"new", sync=False)
    assert (victim.read_text(), path.read_text()) == ("precious", "old")
