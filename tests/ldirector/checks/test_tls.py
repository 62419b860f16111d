import datetime
import ssl

import pytest

from ldirector.checks import tls
from ldirector.checks.attempt import BadAnswer
from ldirector.core.events import CheckSpec
from ldirector.core.model import TlsRules
from ldirector.core.verdict import Reason
from tests.ldirector.checks.authority import Authority

AUTHORITY = Authority()
VERIFY = TlsRules(verify=True, authorities=AUTHORITY.file)


def test_nothing_is_verified_unless_asked() -> None:
    made = tls.context(TlsRules())
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_NONE, False)
    made = tls.context(VERIFY)
    assert (made.verify_mode, made.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_own_authorities_are_the_only_ones() -> None:
    (only,) = tls.context(VERIFY).get_ca_certs()
    assert only["subject"] == ((("commonName", "the authority of this test"),),)
    assert len(tls.context(TlsRules(verify=True)).get_ca_certs()) != 1


def test_one_context_serves_all_checks_with_the_same_rules() -> None:
    assert tls.context(VERIFY) is tls.context(TlsRules(verify=True, authorities=AUTHORITY.file))
    assert tls.context(VERIFY) is not tls.context(VERIFY, "who alters it")


@pytest.mark.parametrize(
    "rules", [TlsRules(verify=True, authorities="/nonexistent.pem"), TlsRules(certificate="/nonexistent.pem")]
)
def test_a_file_that_cannot_be_used_is_an_error(rules: TlsRules) -> None:
    with pytest.raises(OSError, match="No such file"):
        tls.context(rules)


@pytest.mark.parametrize(
    ("address", "virtualhost", "verify", "name"),
    [
        ("192.0.2.1", "", False, ""),
        ("192.0.2.1", "192.0.2.1", False, ""),
        ("192.0.2.1", "192.0.2.1", True, "192.0.2.1"),
        ("192.0.2.1", "www.example.com", False, "www.example.com"),
        ("192.0.2.1", "www.example.com:8443", True, "www.example.com"),
        ("2001:db8::1", "[2001:db8::1]", True, "2001:db8::1"),
        ("2001:db8::1", "[2001:db8::2]", True, "2001:db8::2"),
        ("192.0.2.1", "www..example.com", False, ""),
        ("192.0.2.1", "www..example.com", True, "192.0.2.1"),
    ],
)
def test_the_name_is_that_of_virtualhost_and_with_verification_else_the_address(
    address: str, virtualhost: str, verify: bool, name: str
) -> None:
    spec = CheckSpec("negotiate", address, 443, 5.0, virtualhost=virtualhost, tls=TlsRules(verify=verify))
    assert tls.name_for(spec) == name


def handshaken(days: int) -> ssl.SSLObject:
    """A client's side of a connection to a server whose certificate lives so long."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls.context(TlsRules()).wrap_bio(to_client, to_server)
    server = AUTHORITY.server(days=days).wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client


def test_a_certificate_must_live_as_long_as_asked() -> None:
    now = datetime.datetime.now(datetime.UTC)
    connection = handshaken(days=10)
    tls.judge_certificate(TlsRules(minimum_days=9), connection, now)
    tls.judge_certificate(TlsRules(), connection, now + datetime.timedelta(300))
    with pytest.raises(BadAnswer, match=r"10\.0 days, not 11") as caught:
        tls.judge_certificate(TlsRules(minimum_days=11), connection, now)
    assert caught.value.reason is Reason.CERTIFICATE
