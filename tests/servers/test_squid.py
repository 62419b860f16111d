"""service=http_proxy against Squid, with nginx behind it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.authority import Authority
from tests.servers.daemon import free_port, hanging, listens, needs, open_folder, running, verdict_of

pytestmark = [pytest.mark.servers, needs("squid", "nginx")]

NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
worker_processes 1;
events {{ }}
http {{
  access_log {folder}/access;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {certificate};
    location /page {{ return 200 "it is ok, asked for $host\\n"; }}
    location /moved {{ return 302 /page; }}
    location /elsewhere {{ return 302 https://127.0.0.1:{tls}/page; }}
  }}
}}
"""

SQUID = """
http_port 127.0.0.1:{proxy}
pid_filename {folder}/squid.pid
access_log none
cache_log {folder}/cache.log
cache deny all
coredump_dir {folder}
pinger_enable off
shutdown_lifetime 0 seconds
acl forbidden url_regex /forbidden
acl closed port 1
http_access deny forbidden
http_access deny closed
http_access allow localhost
http_access deny all
visible_hostname proxy
netdb_filename none
"""


@dataclass(frozen=True)
class Ports:
    proxy: int
    web: int
    tls: int


def free_ports(count: int) -> list[int]:
    """Different ones."""
    socks = [socket.socket() for _ in range(count)]
    try:
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in socks]
    finally:
        for sock in socks:
            sock.close()


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    made = Ports(*free_ports(3))
    with open_folder() as web, open_folder() as proxy:
        certificate = Authority().certificate("127.0.0.1")
        (web / "conf").write_text(NGINX.format(folder=web, port=made.web, tls=made.tls, certificate=certificate))
        (proxy / "conf").write_text(SQUID.format(folder=proxy, proxy=made.proxy))
        Path(proxy).chmod(0o777)
        with (
            running(["nginx", "-c", str(web / "conf"), "-e", "stderr"], web, lambda: listens(made.web)),
            running(["squid", "-N", "-f", str(proxy / "conf")], proxy, lambda: listens(made.proxy)),
        ):
            yield made


def asked(ports: Ports, request: str, receive: str = "it is ok", **more: Any) -> Verdict:
    return verdict_of("negotiate", ports.proxy, service="http_proxy", request=request, receive=receive, **more)


def test_a_page_behind_the_proxy_is_up(ports: Ports) -> None:
    assert asked(ports, f"http://127.0.0.1:{ports.web}/page", "asked for 127.0.0.1").outcome is Outcome.PASS
    assert asked(ports, f"127.0.0.1:{ports.web}/page").outcome is Outcome.PASS
    assert asked(ports, f"http://127.0.0.1:{ports.web}/page", "", httpmethod="HEAD").outcome is Outcome.PASS


def test_a_page_behind_tls_is_fetched_through_a_tunnel(ports: Ports) -> None:
    assert asked(ports, f"https://127.0.0.1:{ports.tls}/page").outcome is Outcome.PASS
    assert asked(ports, f"http://127.0.0.1:{ports.web}/elsewhere").outcome is Outcome.PASS
    verdict = asked(ports, "https://127.0.0.1:1/page")
    assert (verdict.reason, verdict.detail) == (Reason.WRONG_STATUS, "403 in answer to CONNECT")


def test_redirects_are_followed_through_the_proxy(ports: Ports) -> None:
    assert asked(ports, f"http://127.0.0.1:{ports.web}/moved").outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("path", "receive", "reason"),
    [
        ("/page", "something else", Reason.RECEIVE_MISMATCH),
        ("/absent", "", Reason.WRONG_STATUS),
        ("/forbidden", "", Reason.WRONG_STATUS),
    ],
)
def test_another_answer_is_down(ports: Ports, path: str, receive: str, reason: Reason) -> None:
    verdict = asked(ports, f"http://127.0.0.1:{ports.web}{path}", receive)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)


def test_a_server_that_the_proxy_cannot_reach_is_down(ports: Ports) -> None:
    verdict = asked(ports, f"http://127.0.0.1:{free_port()}/page")
    assert (verdict.reason, verdict.detail) == (Reason.WRONG_STATUS, "503")


def test_a_server_that_hangs_behind_the_proxy_ends_at_the_deadline(ports: Ports) -> None:
    with hanging() as silent:
        assert asked(ports, f"http://127.0.0.1:{silent}/", timeout=0.4).reason is Reason.READ_TIMEOUT


def test_a_port_where_nobody_listens_is_refused_and_a_silent_one_times_out(ports: Ports) -> None:
    url = f"http://127.0.0.1:{ports.web}/page"
    assert asked(Ports(free_port(), 0, 0), url).reason is Reason.CONNECT_REFUSED
    with hanging() as silent:
        assert asked(Ports(silent, 0, 0), url, timeout=0.3).reason is Reason.READ_TIMEOUT
