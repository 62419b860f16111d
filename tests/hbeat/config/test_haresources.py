from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.config.errors import ConfigError
from hbeat.config.haresources import parse_haresources
from hbeat.core.model import Resource, ResourceGroup

ROOT = Path(__file__).parents[3]
SEED = ROOT / "tests/vectors/ultramonkey"


def parse(text: str, nodes: tuple[str, ...] = ("a", "b")) -> tuple[ResourceGroup, ...]:
    return parse_haresources(text, "haresources", nodes)


def errors(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return str(caught.value).splitlines()


def test_the_seed_file_is_one_group_addressed_by_its_first_resource():
    nodes = ("test1.com", "test2.com")
    (group,) = parse_haresources((SEED / "test1.com/haresources").read_text(), "haresources", nodes)
    assert group.node == "test1.com"
    assert group.key == "ldirectord::ldirectord.cf"
    assert group.resources[1] == Resource("IPaddr::10.1.1.10/24/eth0", "IPaddr", ("10.1.1.10/24/eth0",))


def test_lines_continue_behind_a_backslash_and_end_at_a_comment():
    text = "a \\\n  ldirectord::l.cf \\\n\tIPaddr2::10.0.0.1/8/eth0 # the VIP\n\n# none\nB apache::x::y\n"
    first, second = parse(text)
    assert [resource.text for resource in first.resources] == ["ldirectord::l.cf", "IPaddr2::10.0.0.1/8/eth0"]
    assert second == ResourceGroup("b", (Resource("apache::x::y", "apache", ("x", "y")),))


def test_a_bare_address_is_an_ipaddr():
    (group,) = parse("a 10.0.0.1/24/eth0 mysql\n")
    assert group.resources[0] == Resource("10.0.0.1/24/eth0", "IPaddr", ("10.0.0.1/24/eth0",))


def test_each_mistake_is_told_with_its_line_and_its_cure():
    assert errors("c mysql\na\na mysql\nb mysql\na \\\n IPaddr::10.0.0.256\nb 10.0.0.1/33\na ::x\na IPaddr\n") == [
        "haresources:1: bad nodename c; a line begins with a node of ha.cf: a, b",
        "haresources:2: a has no resources; add them behind the name, or drop the line",
        "haresources:4: the group mysql is already in line 3; "
        "begin each group with another resource: the first one is the group's name",
        "haresources:5: IPaddr::10.0.0.256: address 10.0.0.256 is not an IPv4 address; "
        "write ADDRESS[/MASK[/INTERFACE[:LABEL]][/BROADCAST]], such as 10.1.1.10/24/eth0",
        "haresources:7: 10.0.0.1/33: mask 33 is neither 0 to 32 nor of the form 255.255.255.0; "
        "write ADDRESS[/MASK[/INTERFACE[:LABEL]][/BROADCAST]], such as 10.1.1.10/24/eth0",
        "haresources:8: ::x does not begin with the name of a script; write SCRIPT::ARGUMENT",
        "haresources:9: IPaddr: it has 0 arguments; write one, ADDRESS[/MASK[/INTERFACE[:LABEL]][/BROADCAST]]",
    ]


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("ab \t\n\\#:/.0123456789"))))
def test_any_text_gives_groups_or_a_config_error(text):
    with suppress(ConfigError):
        assert all(group.resources for group in parse(text))
