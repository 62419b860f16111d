from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.config import values
from ldirector.config.directives import DIRECTIVES
from ldirector.config.errors import BadValue
from ldirector.core.model import CheckType


@pytest.mark.parametrize(
    ("read", "text", "wanted"),
    [
        (values.number, "5s", 5),
        (values.number, "-3", 3),
        (values.number, "0.5", 0),
        (values.number, "5 # x\r", 5),
        (values.positive, "12", 12),
        (values.yes_no, "yes", True),
        (values.yes_no, "no", False),
        (values.quoted, '"index.html" <- check file', "index.html"),
        (values.quoted, '"a "quoted" word" x', 'a "quoted" word'),
        (values.maybe_quoted, '"/bin/x"', "/bin/x"),
        (values.maybe_quoted, "/bin/x -y\r", "/bin/x -y"),
        (values.bare, '"kept" ', '"kept"'),
        (values.up_to_quote, '"www.x.y" z', "www.x.y"),
        (values.up_to_quote, "www.x.y \r", "www.x.y"),
        (values.up_to_quote, "", ""),
        (values.word, "http ", "http"),
        (values.lower_case_run, "wlc # rr", "wlc"),
        (values.lower_case_run, "WRR-typo", "typo"),
        (values.flags, "sh-port,sh-fallback x", ("sh-port", "sh-fallback")),
        (values.port_number, "80", 80),
        (values.http_method, "head", "HEAD"),
        (values.mail_addresses, '"a@x, b@y"', "a@x, b@y"),
        (values.mail_states, "running, stopping", ("running", "stopping")),
        (values.mail_host, "mail.example.test x", "mail.example.test"),
        (values.check_type, "negotiate ", (CheckType.NEGOTIATE, 0)),
        (values.check_type, "external-perl", (CheckType.EXTERNAL_PERL, 0)),
        (values.check_type, "5x", (CheckType.COMBINED, 5)),
        (values.service, "http_proxy", "http_proxy"),
        (values.service, '"http"', "http"),
        (values.service, '"https', "https"),
        (values.service, "-http", "http"),
        (values.service, "(http)", "http"),
        (values.http_method, '"GET"', "GET"),
        (values.http_method, "(head) x", "HEAD"),
        (values.check_type, '"connect"', (CheckType.CONNECT, 0)),
        (values.check_type, '"external-perl"', (CheckType.EXTERNAL_PERL, 0)),
        (values.check_type, "external -x", (CheckType.EXTERNAL, 0)),
        (values.mail_states, "", ("none",)),
        (values.mail_states, ",", ("none",)),
        (values.mail_states, "all,", ("all",)),
        (values.quoted_or_nothing, '""', ""),
        (values.quoted_or_nothing, '"/x" y', "/x"),
        (values.configuration, "", ""),
    ],
)
def test_form_is_read_as_the_original_reads_it(read: Callable[[str], Any], text: str, wanted: object) -> None:
    assert read(text) == wanted


@pytest.mark.parametrize(
    ("read", "text", "cure"),
    [
        (values.number, "often", "write a number"),
        (values.number, "1" * 30, "nine digits"),
        (values.positive, "0", "1 or more"),
        (values.yes_no, "YES", "lower case"),
        (values.yes_no, "yes ", "nothing may follow"),
        (values.yes_no, "yes\r", "carriage return"),
        (values.quoted, "index.html", 'write "index.html"'),
        (values.quoted, "'index.html'", 'write "index.html"'),
        (values.quoted, '"index.html', "close it"),
        (values.quoted, '""', "remove the line"),
        (values.maybe_quoted, "", "remove the line"),
        (values.word, '""', "lower case"),
        (values.http_method, "POST GET", "GET or HEAD"),
        (values.http_method, "xGET", "GET or HEAD"),
        (values.mail_states, "all running", "choose from"),
        (values.mail_states, ",all", "choose from"),
        (values.check_type, "external-perlx", "negotiate, connect"),
        (values.check_type, "external-x", "negotiate, connect"),
        (values.check_type, "-off", "negotiate, connect"),
        (values.check_type, "foo on", "negotiate, connect"),
        (values.service, "foo http", "choose from"),
        (values.service, "foo-http", "choose from"),
        (values.some_text, "/tmp/a\0b", "remove it"),
        (values.maybe_quoted, "/tmp/a\0b", "remove it"),
        (values.quoted_or_nothing, '"/tmp/a\0b"', "remove it"),
        (values.configuration, "a\0b", "remove it"),
        (values.lower_case_run, "123", "scheduler=wrr"),
        (values.flags, "", "schedflags="),
        (values.port_number, "0", "probed"),
        (values.http_method, "POST", "GET or HEAD"),
        (values.mail_states, "none,all", "alone"),
        (values.mail_states, "up", "choose from"),
        (values.mail_host, '"mail"', "without quotes"),
        (values.check_type, "tcp", "negotiate, connect"),
        (values.check_type, "combined", "a number"),
        (values.service, "HTTP", "choose from"),
    ],
)
def test_value_that_cannot_be_read_names_the_cure(read: Callable[[str], Any], text: str, cure: str) -> None:
    with pytest.raises(BadValue) as caught:
        read(text)
    assert cure in caught.value.cure


@pytest.mark.parametrize(
    ("text", "family", "wanted"),
    [("255.255.255.0", 4, "255.255.255.0"), ("255.255.255.255", 4, ""), ("64", 6, "64"), ("128", 6, "")],
)
def test_netmask(text: str, family: int, wanted: str) -> None:
    assert values.netmask(text, family) == wanted


@pytest.mark.parametrize(("text", "family"), [("24", 4), ("999.1.1.1", 4), ("255.0.255.0", 4), ("200", 6), ("0", 6)])
def test_netmask_that_is_none_is_refused(text: str, family: int) -> None:
    with pytest.raises(BadValue):
        values.netmask(text, family)


@given(st.sampled_from([row for row in DIRECTIVES.values() if row.read]), st.text())
def test_any_text_gives_a_value_or_badvalue(row: Any, text: str) -> None:
    with suppress(BadValue):
        row.read(text)


@pytest.mark.parametrize("read", [values.command, values.bare_command])
@pytest.mark.parametrize("text", ["/bin/fb 'own", "/bin/fb own\\"])
def test_command_that_cannot_be_taken_apart_is_refused(read: values.Reader, text: str) -> None:
    with pytest.raises(BadValue, match="is no command") as refused:
        read(text)
    assert refused.value.cure == "close its quotes"


def test_command_keeps_its_words_and_quotes() -> None:
    assert values.command("\"/bin/fb 'a b'\"") == "/bin/fb 'a b'"
    assert values.bare_command("/bin/fb 'a b' ") == "/bin/fb 'a b'"
