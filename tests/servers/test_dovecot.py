"""service=pop, pops, imap and imaps against Dovecot, which runs on a configuration of its own."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ldirector.core.model import TlsRules
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.servers import self_signed
from tests.servers.daemon import eventually, free_port, hanging, listens, needs, open_folder, running, verdict_of

pytestmark = [
    pytest.mark.servers,
    pytest.mark.root,
    needs("dovecot"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: Dovecot changes its user"),
]

# Users and passwords that need quoting, and one that needs a literal.
USERS = {"joe": "secret", "ann": 'pass "word" \\ x', "zoé": "pä:ß"}

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
ssl_dh =
disable_plaintext_auth = no
auth_failure_delay = 0
auth_username_chars =
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%n
passdb {{
  driver = passwd-file
  args = username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop}
  }}
  inet_listener pop3s {{
    port = {pops}
  }}
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """The port of each service, and the log."""

    log: Path
    ports: dict[str, int]

    def judged(self, service: str, port_of: str = "", **spec: Any) -> Verdict:
        """A check of the service, at the port of another one if it is named."""
        return verdict_of("negotiate", self.ports[port_of or service], service=service, **spec)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with open_folder() as folder:
        made = Dovecot(folder / "log", {name: free_port() for name in SERVICES})
        self_signed(folder)
        (folder / "mail").mkdir(mode=0o777)
        (folder / "mail").chmod(0o777)
        users = (
            f"{user}:{{PLAIN.b64}}{base64.b64encode(password.encode()).decode()}\n" for user, password in USERS.items()
        )
        (folder / "users").write_text("".join(users), encoding="utf-8")
        (folder / "dovecot.conf").write_text(CONFIG.format(folder=folder, **made.ports))
        command = ["dovecot", "-F", "-c", str(folder / "dovecot.conf")]
        with running(command, folder, lambda: all(listens(port) for port in made.ports.values())):
            yield made


SERVICES = ("pop", "pops", "imap", "imaps")
PASSED = Verdict(Outcome.PASS, Reason.OK)

every_service = pytest.mark.parametrize("service", SERVICES)


@every_service
def test_without_login_a_server_that_greets_is_up(dovecot: Dovecot, service: str) -> None:
    assert dovecot.judged(service) == PASSED


@every_service
@pytest.mark.parametrize("user", USERS)
def test_with_login_a_server_that_accepts_it_is_up(dovecot: Dovecot, service: str, user: str) -> None:
    assert dovecot.judged(service, login=user, passwd=USERS[user]) == PASSED


@every_service
def test_a_server_that_refuses_the_password_is_down_and_it_is_not_shown(dovecot: Dovecot, service: str) -> None:
    verdict = dovecot.judged(service, login="joe", passwd="not-secret")
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.REFUSED)
    assert verdict.detail == ("PASS -ERR" if service.startswith("pop") else "LOGIN NO")


def test_a_password_is_sent_whole(dovecot: Dovecot) -> None:
    for passwd in ('pass "word" \\', 'pass "word" x', "pass"):
        assert dovecot.judged("imap", login="ann", passwd=passwd).reason is Reason.REFUSED


@every_service
def test_a_server_of_the_other_protocol_is_down(dovecot: Dovecot, service: str) -> None:
    other = {"pop": "imap", "pops": "imaps", "imap": "pop", "imaps": "pops"}[service]
    assert dovecot.judged(service, port_of=other).reason is Reason.BAD_ANSWER


@pytest.mark.parametrize("service", ["smtp", "nntp", "ftp"])
def test_a_mail_store_is_none_of_the_others(dovecot: Dovecot, service: str) -> None:
    for store in ("pop", "imap"):
        assert dovecot.judged(service, port_of=store).reason is Reason.BAD_ANSWER


@pytest.mark.parametrize("service", ["pops", "imaps"])
def test_plain_text_on_a_tls_port_is_a_tls_failure(dovecot: Dovecot, service: str) -> None:
    assert dovecot.judged(service, port_of=service[:-1]).reason is Reason.TLS


@pytest.mark.parametrize("service", ["pop", "imap"])
def test_a_plain_check_of_a_tls_port_is_down(dovecot: Dovecot, service: str) -> None:
    assert dovecot.judged(service, port_of=f"{service}s", timeout=0.5).reason is Reason.READ_TIMEOUT


@pytest.mark.parametrize("service", ["pops", "imaps"])
def test_a_self_signed_certificate_is_refused_when_it_is_verified(dovecot: Dovecot, service: str) -> None:
    for rules in (TlsRules(verify=True), TlsRules(minimum_days=1)):
        verdict = dovecot.judged(service, tls=rules)
        assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.CERTIFICATE)


@every_service
def test_nothing_that_listens_is_refused(service: str) -> None:
    assert verdict_of("negotiate", free_port(), service=service).reason is Reason.CONNECT_REFUSED


@every_service
def test_a_server_that_hangs_is_a_read_timeout(service: str) -> None:
    with hanging() as port:
        assert verdict_of("negotiate", port, 0.3, service).reason is Reason.READ_TIMEOUT


@pytest.mark.parametrize("service", SERVICES)
def test_a_check_logs_out_in_the_servers_log(dovecot: Dovecot, service: str) -> None:
    program = "pop3" if service.startswith("pop") else "imap"
    before = dovecot.log.read_text().count(f"{program}(joe)")
    assert dovecot.judged(service, login="joe", passwd="secret") == PASSED
    assert eventually(lambda: dovecot.log.read_text().count(f"{program}(joe)") > before)
    said = [line for line in dovecot.log.read_text().splitlines() if f"{program}(joe)" in line][-1]
    assert "Logged out" in said
