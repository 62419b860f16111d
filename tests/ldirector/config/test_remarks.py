"""Good lines that do not mean what they seem to: one warning each, with line and cure."""

from __future__ import annotations

import pytest

from ldirector.config.errors import ConfigError
from ldirector.config.ldirectord_cf import parse
from tests.ldirector.world import FakeNames

VIRTUAL = "virtual=10.1.1.10:80\n\treal=192.168.2.1:80 masq\n\tchecktype=connect\n"


def warnings(text: str) -> list[str]:
    return list(map(str, parse(text, "f", FakeNames()).warnings))


def of_both(line: str) -> list[str]:
    """The warnings of a line that stands globally; it gets the same inside a virtual."""
    said = warnings(f"{line}\n{VIRTUAL}")
    inside = warnings(f"{VIRTUAL}\t{line}\n")
    assert [each.replace("f:4:", "f:1:") for each in inside] == said
    return said


@pytest.mark.parametrize("rest", [":2525", ", mail2.example.com", " mail2"])
def test_text_behind_the_mail_server_is_not_looked_at_and_that_is_said(rest: str) -> None:
    (said,) = of_both(f"smtp=mail.example.com{rest}")
    assert said.startswith(
        f"f:1: smtp: {rest.strip()!r} behind the host is not looked at: mail goes to port 25; write "
    )
    assert parse(f"smtp=mail.example.com{rest}\n{VIRTUAL}", "f", FakeNames()).virtuals[0].smtp == "mail.example.com"


@pytest.mark.parametrize(
    ("addresses", "words"),
    [
        ("a@example.com b@example.com", "is more than one word, without a comma between them; write the addresses"),
        ("a@example.com,", "there is no address on one side of a comma; write the addresses with one comma"),
        ("a@example.com; b@example.com", "there is a semicolon between addresses; write the addresses"),
        ("a@example.com, b@c@d", "'b@c@d' is no address and gets no mail; write the addresses"),
    ],
)
def test_odd_list_of_addresses_is_pointed_out(addresses: str, words: str) -> None:
    (said,) = of_both(f"emailalert={addresses}")
    assert said.startswith("f:1: emailalert: ")
    assert words in said


def test_list_that_leaves_nobody_is_called_so() -> None:
    assert "f:1: emailalert: no address is left, so that nobody gets any mail; " in " ".join(of_both("emailalert=@"))


@pytest.mark.parametrize(
    "line", ["smtp=mail.example.com", 'emailalert="A <a@example.com>, root"', "smtp=mail.example.com # x"]
)
def test_usual_line_gets_no_remark(line: str) -> None:
    assert [said for said in warnings(f"{line}\n{VIRTUAL}") if "a remark stands" not in said] == []


def test_option_in_the_place_of_an_instance_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"f:1: execute: '-v' is an option and no configuration; write the name"):
        warnings(f"execute=-v\n{VIRTUAL}")
