"""Which kernel settings a configuration needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ldirector.core.kernel_settings import SETTINGS, deviations
from ldirector.core.model import Forwarding, RealKey, Virtual, VirtualState
from tests.ldirector.core.build import real, virtual

IPV6 = RealKey("fd00:2::1", 80)


def wrong(of: Virtual, **otherwise: int) -> list[str]:
    """The names that are told when every setting of the kernel is 0, or as given."""
    values = {setting.name: 0 for setting in SETTINGS} | otherwise
    return [deviation.setting.name.removeprefix("net.") for deviation in deviations([of], values.get)]


QUIESCENT = replace(virtual(real(1)), quiescent=True)
ROUTED = replace(real(1), forwarding=Forwarding.GATE)


@pytest.mark.parametrize(
    ("of", "names"),
    [
        (replace(QUIESCENT, reals=(ROUTED,)), ["ipv4.vs.conn_reuse_mode"]),
        (QUIESCENT, ["ipv4.ip_forward", "ipv4.vs.conn_reuse_mode"]),
        (replace(QUIESCENT, quiescent=False), ["ipv4.ip_forward", "ipv4.vs.expire_nodest_conn"]),
        (
            replace(QUIESCENT, reals=(ROUTED,), state=VirtualState(persistent=300)),
            ["ipv4.vs.expire_quiescent_template", "ipv4.vs.conn_reuse_mode"],
        ),
        (
            replace(QUIESCENT, quiescent=False, reals=(replace(real(1), key=IPV6),)),
            ["ipv6.conf.all.forwarding", "ipv4.vs.expire_nodest_conn"],
        ),
    ],
)
def test_setting_is_told_where_a_virtual_needs_it(of: Virtual, names: list[str]) -> None:
    assert wrong(of) == names


def test_setting_that_is_right_or_that_this_kernel_does_not_have_is_not_told() -> None:
    assert [d.setting.name for d in deviations([QUIESCENT], lambda name: 1)] == []
    assert [d.setting.name for d in deviations([QUIESCENT], lambda name: None)] == []
