from __future__ import annotations

from ldirector.config.settings import Settings, first_set


def test_last_line_wins_and_absent_directive_has_its_default() -> None:
    settings = Settings()
    assert settings.get("failurecount") == 1
    settings.put("failurecount", 2, 3)
    settings.put("failurecount", 4, 9)
    assert (settings.get("failurecount"), settings.line("failurecount", 0)) == (4, 9)
    assert "failurecount" in settings
    assert settings.line("quiescent", 7) == 7


def test_first_context_that_has_the_directive_wins() -> None:
    block, whole = Settings(), Settings()
    whole.put("failurecount", 5, 1)
    assert first_set("failurecount", block, whole) == 5
    block.put("failurecount", 2, 4)
    assert first_set("failurecount", block, whole) == 2
    assert first_set("quiescent", block, whole) is False
