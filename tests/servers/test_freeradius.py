"""service=radius against FreeRADIUS, whose users stand in a file."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.servers.daemon import free_port, needs, running, silent_udp, verdict_of

pytestmark = [pytest.mark.servers, needs("freeradius")]

LONG = "a password of more than sixteen bytes, and of more than thirty-two"

CONFIG = """
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {folder}
logdir = {folder}
run_dir = {folder}
pidfile = {folder}/pid
max_requests = 256
security {{
  reject_delay = 0
  status_server = no
  allow_vulnerable_openssl = yes
}}
client checker {{
  ipaddr = 127.0.0.1
  secret = s3cret
  require_message_authenticator = yes
}}
modules {{
  pap {{
  }}
  files {{
    filename = {folder}/users
  }}
}}
server default {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  authorize {{
    files
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("freeradius"), free_port(socket.SOCK_DGRAM)
    (folder / "radiusd.conf").write_text(CONFIG.format(folder=folder, port=port))
    (folder / "dictionary").write_text("$INCLUDE /usr/share/freeradius/dictionary\n")
    (folder / "users").write_text(
        f'checker Cleartext-Password := "right"\n\nzoé Cleartext-Password := "{LONG}"\n\n'
        'talker Auth-Type := Reject\n  Reply-Message = "go away"\n'
    )
    command = ["freeradius", "-f", "-l", "stdout", "-d", str(folder), "-D", "/usr/share/freeradius"]
    with running(command, folder, lambda: is_bound(port)):
        yield port


def is_bound(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def asked(port: int, login: str = "checker", passwd: str = "right", secret: str = "s3cret", **more: Any) -> Verdict:
    given = {"login": login, "passwd": passwd, "secret": secret, "protocol": "udp", **more}
    return verdict_of("negotiate", port, service="radius", **given)


def test_a_good_login_is_up(port: int) -> None:
    assert asked(port).outcome is Outcome.PASS
    assert asked(port, "zoé", LONG).outcome is Outcome.PASS


def test_a_wrong_password_is_refused(port: int) -> None:
    verdict = asked(port, passwd="wrong")
    assert (verdict.outcome, verdict.reason, verdict.detail) == (Outcome.FAIL, Reason.REFUSED, "Access-Reject")
    assert asked(port, "nobody").reason is Reason.REFUSED


def test_what_the_server_says_is_shown(port: int) -> None:
    assert asked(port, "talker").detail == "Access-Reject: go away"


def test_with_another_secret_there_is_no_answer(port: int) -> None:
    assert asked(port, secret="other", timeout=0.8).reason is Reason.READ_TIMEOUT


def test_a_port_where_nobody_listens_is_refused_and_a_silent_one_times_out() -> None:
    assert asked(free_port(socket.SOCK_DGRAM)).reason is Reason.CONNECT_REFUSED
    with silent_udp() as silent:
        assert asked(silent, timeout=0.3).reason is Reason.READ_TIMEOUT
