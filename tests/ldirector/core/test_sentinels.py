from __future__ import annotations

from ldirector.core.events import CloseSentinel, OpenSentinel
from ldirector.core.sentinels import FIRST_PAUSE, LONG_LIFE, LONGEST_PAUSE, Sentinels

WEB = ("192.168.2.1", 80)


def test_first_user_opens_a_connection_and_the_last_closes_it() -> None:
    sentinels: Sentinels[str] = Sentinels()
    assert sentinels.watch("a", WEB, 0.0) == [OpenSentinel(1, *WEB)]
    assert sentinels.watch("a", WEB, 0.0) == []
    assert sentinels.watch("b", WEB, 0.0) == []
    assert sentinels.watch("a", None, 1.0) == []
    assert sentinels.watch("b", None, 1.0) == [CloseSentinel(1)]
    assert sentinels.watch("b", None, 1.0) == []


def test_user_that_moves_to_another_server_leaves_the_first() -> None:
    sentinels: Sentinels[str] = Sentinels()
    sentinels.watch("a", WEB, 0.0)
    assert sentinels.watch("a", ("192.168.2.2", 80), 0.0) == [CloseSentinel(1), OpenSentinel(2, "192.168.2.2", 80)]


def test_all_users_of_a_lost_connection_are_named_once() -> None:
    sentinels: Sentinels[str] = Sentinels()
    for user in ("a", "b"):
        sentinels.watch(user, WEB, 0.0)
    assert sentinels.lost(1, 5.0) == ["a", "b"]
    assert sentinels.lost(1, 5.0) == []
    assert sentinels.lost(99, 5.0) == []


def pause_after(sentinels: Sentinels[str], number: int, now: float) -> float:
    sentinels.lost(number, now)
    at = sentinels.next_deadline()
    assert at is not None
    assert sentinels.handle_timer(at) == [OpenSentinel(number + 1, *WEB)]
    return at - now


def test_reopening_backs_off_and_a_long_life_makes_it_quick_again() -> None:
    sentinels: Sentinels[str] = Sentinels()
    sentinels.watch("a", WEB, 0.0)
    now, pauses = 0.0, []
    for number in range(1, 12):
        pauses.append(pause_after(sentinels, number, now))
        now += pauses[-1]
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert pause_after(sentinels, 12, now + LONG_LIFE) == FIRST_PAUSE


def test_server_that_is_no_longer_watched_is_not_opened_again() -> None:
    sentinels: Sentinels[str] = Sentinels()
    sentinels.watch("a", WEB, 0.0)
    sentinels.lost(1, 1.0)
    assert sentinels.watch("a", None, 1.0) == []
    assert sentinels.next_deadline() is None
    assert sentinels.handle_timer(1000.0) == []


def test_server_that_comes_back_at_once_is_opened_at_once_and_only_once() -> None:
    sentinels: Sentinels[str] = Sentinels()
    sentinels.watch("a", WEB, 0.0)
    sentinels.lost(1, 1.0)
    sentinels.watch("a", None, 1.0)
    assert sentinels.watch("a", WEB, 1.1) == [OpenSentinel(2, *WEB)]
    assert sentinels.handle_timer(1000.0) == []


def test_keep_only_closes_what_nobody_wants_any_more() -> None:
    sentinels: Sentinels[str] = Sentinels()
    sentinels.watch("a", WEB, 0.0)
    sentinels.watch("b", ("192.168.2.2", 80), 0.0)
    assert sentinels.keep_only(["b"]) == [CloseSentinel(1)]
    assert sentinels.lost(1, 1.0) == []
