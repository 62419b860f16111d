"""Random virtuals and tables."""

from __future__ import annotations

from hypothesis import strategies as st

from ldirector.core.model import Fallback, Forwarding, Real, RealKey, RealState, Service, Virtual, VirtualState
from tests.ldirector.core.build import FALLBACK, MARK, VIP, real, virtual

KEYS = (VIP, MARK, type(VIP)("udp", 4, "10.1.1.10", 53), type(VIP)("tcp", 4, "10.9.9.9", 99))

real_keys = st.builds(RealKey, st.sampled_from([f"192.168.2.{number}" for number in range(1, 6)]), st.just(80))
real_states = st.builds(RealState, st.sampled_from(list(Forwarding)), st.integers(0, 3))
virtual_states = st.builds(VirtualState, st.sampled_from(["wrr", "rr"]), st.sampled_from([0, 50]))
services = st.builds(Service, virtual_states, st.dictionaries(real_keys, real_states, max_size=5))
tables = st.dictionaries(st.sampled_from(KEYS), services, max_size=len(KEYS))


@st.composite
def virtuals(draw: st.DrawFn) -> tuple[Virtual, ...]:
    """Up to three virtuals that share servers."""
    result = []
    for key in KEYS[: draw(st.integers(1, 3))]:
        numbers = draw(st.lists(st.integers(1, 5), unique=True, max_size=4))
        reals: list[Real] = [real(number, draw(st.integers(0, 3))) for number in numbers]
        fallback: Fallback | None = draw(st.sampled_from([None, FALLBACK]))
        result.append(
            virtual(
                *reals,
                key=key,
                fallback=fallback,
                quiescent=draw(st.booleans()),
                failurecount=draw(st.integers(1, 3)),
                cleanstop=draw(st.booleans()),
            )
        )
    return tuple(result)
