"""cl_status says what the original says (heartbeat 3.0.6 beside it on the same files; reference section 11.6)."""

from __future__ import annotations

import pytest

from hbeat import cl_status, client

Capture = pytest.CaptureFixture[str]
LINKS = {"eth0": "up", "eth1": "dead"}
NODES = {
    "test1.com": {"status": "active", "type": "normal", "links": LINKS, "clients": ["ipfail"]},
    "test2.com": {"status": "dead", "type": "normal", "links": LINKS, "clients": []},
    "10.1.1.1": {"status": "ping", "type": "ping", "links": {"10.1.1.1": "up"}, "clients": []},
}


@pytest.fixture(autouse=True)
def daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"ok": True, "active": True, "version": "1", "nodes": NODES, "resources": {"status": "local"}}
    monkeypatch.setattr(client, "ask", lambda request: answer)
    monkeypatch.setattr(client, "is_running", lambda: True)


def said(capsys: Capture, *words: str) -> tuple[int, str]:
    status = cl_status.main(words)
    return status, capsys.readouterr().out


NODE_LINES = (
    "\n10.1.1.1\tping\t(nodetype: ping){head}\n\t10.1.1.1\tup\n"
    "\ntest2.com\tdead\t(nodetype: normal){head}\n\teth1\tdead\n\teth0\tup\n"
    "\ntest1.com\tactive\t(nodetype: normal){head}\n\teth1\tdead\n\teth0\tup\n"
)


def test_hbstatus_is_one_line_and_with_v_begins_with_the_version(capsys: Capture) -> None:
    assert said(capsys, "hbstatus") == (0, "Heartbeat is running on this machine.\n")
    plain = 'version:\thbeat 1\nmanaged by:\t"haresources"\n'
    assert said(capsys, "hbstatus", "-v") == (0, plain + NODE_LINES.format(head=""))


def test_hbstatus_for_people_has_sentences(capsys: Capture) -> None:
    begin = 'Heartbeat version hbeat 1\nResources controlled by "haresources"\nThe nodes are as follow:\n'
    lines = NODE_LINES.format(head="\n\tthis node has the following heartbeat links:")
    assert said(capsys, "-m", "hbstatus", "-v") == (0, begin + lines)


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("clientstatus test1.com ipfail", (0, "online\n")),
        ("clientstatus test1.com nix", (1, "offline\n")),
        ("clientstatus nix ipfail", (13, "")),
        ("clientstatus test1.com", (11, "")),
        ("nodestatus nix", (11, "")),
        ("hblinkstatus nix eth0", (13, "")),
        ("hblinkstatus test1.com eth0", (0, "up\n")),
        ("hblinkstatus test1.com eth1", (1, "dead\n")),
        ("listhblinks test1.com -v", (0, "\teth1\tdead\n\teth0\tup\n")),
        ("listhblinks -v test1.com", (0, "\teth1\tdead\n\teth0\tup\n")),
    ],
)
def test_outputs_and_exit_codes_are_those_of_the_original(words: str, answer: tuple[int, str], capsys: Capture) -> None:
    assert said(capsys, *words.split()) == answer
