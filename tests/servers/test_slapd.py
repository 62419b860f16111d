"""service=ldap and ldaps against OpenLDAP's slapd."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ldirector.core.model import TlsRules
from ldirector.core.verdict import Outcome, Reason, Verdict
from tests.ldirector.checks.authority import Authority
from tests.servers.daemon import free_port, hanging, listens, needs, running, verdict_of

pytestmark = [pytest.mark.servers, needs("slapd", "slapadd")]

BASE = "dc=example,dc=com"
PEOPLE = f"ou=people,{BASE}"
CHECKER = f"cn=checker,{BASE}"

CONFIG = """
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
argsfile {folder}/args
TLSCertificateFile {certificate}
TLSCertificateKeyFile {certificate}
TLSVerifyClient {clients}
TLSCACertificateFile {authority}
database mdb
suffix {base}
directory {folder}/data
access to dn.exact="{people}" by dn.exact="{checker}" read by anonymous none
access to attrs=userPassword by anonymous auth
access to * by * read
"""

ENTRIES = f"""
dn: {BASE}
objectClass: organization
objectClass: dcObject
o: example
dc: example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {CHECKER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: checker
userPassword: right
description:: {"eHh4" * 100_000}
"""


@dataclass(frozen=True)
class Directory:
    ldap: int
    ldaps: int
    authority: Authority


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    folder, made = tmp_path_factory.mktemp("slapd"), Directory(free_port(), free_port(), Authority())
    certificate = made.authority.certificate("127.0.0.1", days=20)
    config = CONFIG.format(
        folder=folder,
        certificate=certificate,
        authority=made.authority.file,
        clients="try",
        base=BASE,
        people=PEOPLE,
        checker=CHECKER,
    )
    (folder / "slapd.conf").write_text(config)
    (folder / "data").mkdir()
    subprocess.run(["/usr/sbin/slapadd", "-f", folder / "slapd.conf"], input=ENTRIES.encode(), check=True, timeout=60)
    urls = f"ldap://127.0.0.1:{made.ldap}/ ldaps://127.0.0.1:{made.ldaps}/"
    command = ["slapd", "-d", "0", "-f", str(folder / "slapd.conf"), "-h", urls]
    with running(command, folder, lambda: listens(made.ldap) and listens(made.ldaps)):
        yield made


def asked(port: int, service: str = "ldap", request: str = BASE, **more: Any) -> Verdict:
    return verdict_of("negotiate", port, service=service, request=request, **more)


def test_an_entry_that_anybody_may_read_is_up(directory: Directory) -> None:
    assert asked(directory.ldap).outcome is Outcome.PASS
    assert asked(directory.ldap, receive="^dc=example,dc=com$").outcome is Outcome.PASS
    assert asked(directory.ldaps, "ldaps").outcome is Outcome.PASS


def test_without_request_the_root_of_the_server_is_read(directory: Directory) -> None:
    assert asked(directory.ldap, request="").outcome is Outcome.PASS


def test_an_entry_of_300_kilobytes_is_a_short_answer(directory: Directory) -> None:
    assert asked(directory.ldap, request=CHECKER).outcome is Outcome.PASS


def test_login_and_password_open_what_is_closed_to_others(directory: Directory) -> None:
    assert asked(directory.ldap, request=PEOPLE, login=CHECKER, passwd="right").outcome is Outcome.PASS
    assert asked(directory.ldap, request=PEOPLE).outcome is Outcome.FAIL


def test_a_wrong_password_is_refused(directory: Directory) -> None:
    verdict = asked(directory.ldap, login=CHECKER, passwd="wrong")
    assert (verdict.reason, verdict.detail) == (Reason.REFUSED, "bind: invalidCredentials")
    assert asked(directory.ldap, login="no dn", passwd="x").detail.startswith("bind: invalidDNSyntax")


@pytest.mark.parametrize(
    ("request_", "receive", "reason"),
    [
        (f"ou=nobody,{BASE}", "", Reason.REFUSED),
        ("no dn", "", Reason.REFUSED),
        (BASE, "dc=org", Reason.RECEIVE_MISMATCH),
    ],
)
def test_another_answer_is_down(directory: Directory, request_: str, receive: str, reason: Reason) -> None:
    verdict = asked(directory.ldap, request=request_, receive=receive)
    assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, reason)


def test_certificates_are_verified_when_asked(directory: Directory) -> None:
    good = TlsRules(verify=True, authorities=directory.authority.file, minimum_days=10)
    assert asked(directory.ldaps, "ldaps", tls=good).outcome is Outcome.PASS
    for rules in (
        TlsRules(verify=True, authorities=Authority().file),
        TlsRules(verify=True, authorities=directory.authority.file, minimum_days=30),
    ):
        verdict = asked(directory.ldaps, "ldaps", tls=rules)
        assert (verdict.outcome, verdict.reason) == (Outcome.FAIL, Reason.CERTIFICATE)


def test_tls_and_plain_text_do_not_mix(directory: Directory) -> None:
    assert asked(directory.ldap, "ldaps").reason in (Reason.TLS, Reason.CONNECTION_LOST)
    assert asked(directory.ldaps, "ldap").outcome is Outcome.FAIL


def test_a_port_where_nobody_listens_is_refused_and_a_silent_one_times_out() -> None:
    for service in ("ldap", "ldaps"):
        assert asked(free_port(), service).reason is Reason.CONNECT_REFUSED
        with hanging() as silent:
            assert asked(silent, service, timeout=0.3).reason is Reason.READ_TIMEOUT
