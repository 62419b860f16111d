"""service=http and https against nginx: names, own authority, expired certificates, a certificate of our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from ldirector.core.model import TlsRules
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.authority import Authority
from tests.servers.daemon import free_port, hanging, listens, needs, open_folder, running, verdict_of

pytestmark = [pytest.mark.servers, needs("nginx")]

CONFIG = """
daemon off;
pid {folder}/pid;
error_log stderr;
worker_processes 1;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{
    listen 127.0.0.1:{site.http};
    location /page {{ return 200 "plain ok, host $host\\n"; }}
    location /moved {{ return 302 https://$host:{site.names}/page; }}
    location /sorry {{ return 503; }}
  }}
  server {{
    listen 127.0.0.1:{site.names} ssl default_server;
    server_name other.example.com;
    ssl_certificate {other};
    ssl_certificate_key {other};
    location / {{ return 200 "default, sni $ssl_server_name\\n"; }}
  }}
  server {{
    listen 127.0.0.1:{site.names} ssl;
    server_name www.example.com;
    ssl_certificate {www};
    ssl_certificate_key {www};
    location /page {{ return 200 "www ok, sni $ssl_server_name\\n"; }}
    absolute_redirect off;
    location /moved {{ return 302 /page; }}
    location /expired {{ return 302 https://127.0.0.1:{site.expired}/; }}
  }}
  server {{
    listen 127.0.0.1:{site.expired} ssl;
    ssl_certificate {expired};
    ssl_certificate_key {expired};
    location / {{ return 200 "expired ok\\n"; }}
  }}
  server {{
    listen 127.0.0.1:{site.clients} ssl;
    ssl_certificate {address};
    ssl_certificate_key {address};
    ssl_client_certificate {site.authority.file};
    ssl_verify_client on;
    location / {{ return 200 "hello $ssl_client_s_dn\\n"; }}
  }}
}}
"""


@dataclass(frozen=True)
class Site:
    http: int
    names: int
    expired: int
    clients: int
    authority: Authority = field(default_factory=Authority)

    @property
    def verify(self) -> TlsRules:
        return TlsRules(verify=True, authorities=self.authority.file)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site(free_port(), free_port(), free_port(), free_port())
    issue = made.authority.certificate
    certificates = {
        "www": issue("www.example.com", days=20),
        "other": issue("other.example.com"),
        "expired": issue("127.0.0.1", days=-1),
        "address": issue("127.0.0.1"),
    }
    with open_folder() as folder:
        (folder / "conf").write_text(CONFIG.format(folder=folder, site=made, **certificates))
        with running(["nginx", "-c", str(folder / "conf"), "-e", "stderr"], folder, lambda: listens(made.http)):
            yield made


def asked(port: int, service: str = "https", request: str = "/page", receive: str = "ok", **more: Any) -> Verdict:
    given = {"virtualhost": "127.0.0.1", **more}
    return verdict_of("negotiate", port, service=service, request=request, receive=receive, **given)


def judged(port: int, **more: Any) -> tuple[Outcome, Reason]:
    verdict = asked(port, **more)
    return verdict.outcome, verdict.reason


PASSED = (Outcome.PASS, Reason.OK)
REFUSED = (Outcome.FAIL, Reason.CERTIFICATE)


def test_a_page_is_up(site: Site) -> None:
    assert judged(site.http, service="http") == PASSED
    assert judged(site.http, service="http", virtualhost="www.example.com", receive="host www.example.com$") == PASSED
    assert judged(site.http, service="http", httpmethod="HEAD", receive="") == PASSED


def test_another_page_is_down(site: Site) -> None:
    assert judged(site.http, service="http", receive="nothing like it") == (Outcome.FAIL, Reason.RECEIVE_MISMATCH)
    for path in ("/sorry", "/absent"):
        assert judged(site.http, service="http", request=path) == (Outcome.FAIL, Reason.WRONG_STATUS)


def test_virtualhost_is_the_name_that_tls_asks_for(site: Site) -> None:
    assert judged(site.names, virtualhost="www.example.com", receive=r"^www ok, sni www\.example\.com$") == PASSED
    assert judged(site.names, receive="^default, sni $") == PASSED


def test_certificates_are_not_verified_unless_asked(site: Site) -> None:
    assert judged(site.expired) == PASSED
    assert judged(site.names, receive="default") == PASSED


def test_certificates_are_verified_when_asked(site: Site) -> None:
    assert judged(site.names, virtualhost="www.example.com", tls=site.verify) == PASSED
    stranger = TlsRules(verify=True, authorities=Authority().file)
    assert judged(site.names, virtualhost="www.example.com", tls=stranger) == REFUSED
    assert judged(site.names, virtualhost="mail.example.com", tls=site.verify, receive="") == REFUSED
    assert judged(site.names, tls=site.verify, receive="") == REFUSED  # the certificate does not carry the address
    assert judged(site.names, virtualhost="www.example.com", tls=TlsRules(verify=True)) == REFUSED


def test_an_expired_certificate_is_down_with_verification_only(site: Site) -> None:
    assert judged(site.expired) == PASSED
    verdict = asked(site.expired, tls=site.verify)
    assert (verdict.outcome, verdict.reason, verdict.detail) == (*REFUSED, "certificate has expired")


def test_a_certificate_must_live_so_many_days_even_without_verification(site: Site) -> None:
    for verify in (False, True):
        rules = {"verify": verify, "authorities": site.authority.file if verify else ""}
        for days, expected in ((19, PASSED), (21, REFUSED)):
            given: Any = TlsRules(minimum_days=days, **rules)  # type: ignore[arg-type]
            assert judged(site.names, virtualhost="www.example.com", tls=given) == expected
    assert judged(site.expired, tls=TlsRules(minimum_days=1)) == REFUSED


def test_a_server_that_wants_a_certificate_gets_ours(site: Site) -> None:
    assert judged(site.clients, receive="hello") == (Outcome.FAIL, Reason.WRONG_STATUS)
    rules = TlsRules(
        verify=True, authorities=site.authority.file, certificate=site.authority.certificate("checker.example.com")
    )
    assert judged(site.clients, receive="hello CN=checker.example.com", tls=rules) == PASSED
    stranger = TlsRules(certificate=Authority().certificate("checker.example.com"))
    assert judged(site.clients, receive="hello", tls=stranger) == (Outcome.FAIL, Reason.WRONG_STATUS)


def test_the_rules_hold_behind_redirects(site: Site) -> None:
    given: dict[str, Any] = {"virtualhost": "www.example.com"}
    # Host is that of the Location, as in the original, and so another server{} of nginx answers; the name is the same.
    sni = r"sni www\.example\.com$"
    assert judged(site.names, request="/moved", receive=sni, tls=site.verify, **given) == PASSED
    assert judged(site.names, request="/expired", **given) == PASSED
    assert judged(site.names, request="/expired", tls=site.verify, **given) == REFUSED
    assert judged(site.names, request="/expired", tls=TlsRules(minimum_days=1), **given) == REFUSED


def test_a_redirect_from_http_to_https_is_followed(site: Site) -> None:
    assert judged(site.http, service="http", request="/moved", receive="default") == PASSED


def test_tls_and_plain_text_do_not_mix(site: Site) -> None:
    assert judged(site.http) == (Outcome.FAIL, Reason.TLS)
    assert judged(site.names, service="http") == (Outcome.FAIL, Reason.WRONG_STATUS)


def test_a_port_where_nobody_listens_is_refused_and_a_silent_one_times_out() -> None:
    for service in ("http", "https"):
        assert asked(free_port(), service).reason is Reason.CONNECT_REFUSED
        with hanging() as silent:
            assert asked(silent, service, timeout=0.3).reason is Reason.READ_TIMEOUT
