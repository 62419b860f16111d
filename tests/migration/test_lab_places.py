"""The folders that labs cover with their own, when labs run at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from migration import lab_places
from migration.lab_places import mount_points


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """One that exists and one that does not."""
    places = [tmp_path / "there", tmp_path / "not" / "there"]
    places[0].mkdir()
    monkeypatch.setattr(lab_places, "PRIVATE_FOLDERS", {str(place): str(place) for place in places})
    monkeypatch.setattr(lab_places, "LOCK", tmp_path / "lock")
    return places


def test_what_was_made_is_removed_by_the_last_one_only(places: list[Path]) -> None:
    first, second = mount_points(), mount_points()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert all(place.is_dir() for place in places)
    second.__exit__(None, None, None)
    assert [place.is_dir() for place in places] == [True, False]


def test_a_folder_that_somebody_uses_by_now_stays(places: list[Path]) -> None:
    with mount_points():
        (places[1] / "file").touch()
    assert (places[1] / "file").exists()


def test_one_that_was_left_behind_is_made_and_removed_again(places: list[Path]) -> None:
    for _ in range(2):
        with mount_points():
            assert places[1].is_dir()
        assert not places[1].exists()
