from __future__ import annotations

import pytest

from migration.comparison.downloads import Download


def test_download_survives_while_bytes_come_and_its_longest_silence_counts() -> None:
    seen = Download([1.0, 1.1, 1.2, 4.2, 4.3])
    assert seen.survives(4.5)
    assert not seen.survives(5.0)
    assert seen.silence(1.15) == pytest.approx(3.0)
    assert seen.silence(4.2) == pytest.approx(0.1)
    seen.ended = True
    assert not seen.survives(4.5)
    assert not Download().survives(0.1)
