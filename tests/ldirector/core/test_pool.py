from __future__ import annotations

from ldirector.core.health import State
from ldirector.core.model import Forwarding, RealKey, RealState
from ldirector.core.pool import wanted
from tests.ldirector.core.build import FALLBACK, real, virtual

WEB1, WEB2 = RealKey("192.168.2.1", 80), RealKey("192.168.2.2", 80)
MASQ = Forwarding.MASQ


def test_real_that_is_up_has_its_weight_and_thresholds() -> None:
    entry = wanted(virtual(real(1, 5, upper=20, lower=10)), {WEB1: State.UP})
    assert entry.reals == {WEB1: RealState(MASQ, 5, 20, 10)}


def test_quiescent_real_keeps_its_entry_at_weight_zero_without_thresholds() -> None:
    entry = wanted(virtual(real(1, 5, upper=20, lower=10), quiescent=True), {WEB1: State.DOWN})
    assert entry.reals == {WEB1: RealState(MASQ, 0)}


def test_real_that_is_down_is_absent_without_quiescent() -> None:
    assert wanted(virtual(real(1)), {WEB1: State.DOWN}).reals == {}


def test_unknown_real_gets_no_traffic() -> None:
    assert wanted(virtual(real(1)), {WEB1: State.UNKNOWN}).reals == {}
    assert wanted(virtual(real(1), quiescent=True), {WEB1: State.UNKNOWN}).reals == {WEB1: RealState(MASQ, 0)}


def test_fallback_serves_while_nobody_is_up_and_leaves_with_the_first() -> None:
    here = virtual(real(1), real(2), fallback=FALLBACK)
    assert wanted(here, {WEB1: State.DOWN, WEB2: State.DOWN}).reals == {FALLBACK.key: RealState(Forwarding.GATE, 1)}
    assert FALLBACK.key not in wanted(here, {WEB1: State.DOWN, WEB2: State.UP}).reals


def test_virtual_without_reals_has_its_fallback() -> None:
    assert FALLBACK.key in wanted(virtual(fallback=FALLBACK), {}).reals


def test_fallback_that_is_one_of_the_reals_serves_as_fallback() -> None:
    same = virtual(real(1, 9, key=FALLBACK.key), quiescent=True, fallback=FALLBACK)
    assert wanted(same, {FALLBACK.key: State.DOWN}).reals == {FALLBACK.key: RealState(Forwarding.GATE, 1)}


def test_real_left_out_comes_back_when_it_is_up() -> None:
    here = virtual(real(1), quiescent=True)
    assert wanted(here, {WEB1: State.DOWN}, {WEB1}).reals == {}
    assert WEB1 in wanted(here, {WEB1: State.UP}, {WEB1}).reals


def test_real_configured_with_weight_zero_is_in_the_table_when_up() -> None:
    assert wanted(virtual(real(1, 0)), {WEB1: State.UP}).reals == {WEB1: RealState(MASQ, 0)}
