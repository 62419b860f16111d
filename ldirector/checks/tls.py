"""TLS to a real: which certificates are accepted, and what we show of ourselves (ldirector.yaml, `tls:`).

By default nothing is verified: what is checked is whether the server answers, and back ends behind a director mostly
carry self-signed certificates or those of the virtual's name. The original's behaviour depended on the libraries of
its machine (reference section c), so migrated files may rely on either; NOTE says once which one this is.
"""

from __future__ import annotations

import datetime
import functools
import ssl

from ldirector.checks.attempt import BadAnswer
from ldirector.core.events import CheckSpec
from ldirector.core.model import TlsRules, bracketed
from ldirector.core.server_name import server_name
from ldirector.core.verdict import Reason

NOTE = "TLS checks: certificates of real servers are not verified (ldirector.yaml can ask for it with `tls: verify`)"


@functools.lru_cache(maxsize=64)
def context(rules: TlsRules, user: str = "") -> ssl.SSLContext:
    """One context for all checks with these rules: making one costs more than a whole check.

    user: who alters contexts gets one that nobody else has. `context.cache_clear()` has the files read again.
    Raises OSError (ssl.SSLError is one) when a file of the rules cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if rules.verify:
        made.load_verify_locations(rules.authorities) if rules.authorities else made.load_default_certs()
    else:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if rules.certificate:
        made.load_cert_chain(rules.certificate, rules.key or None, lambda: "")  # never ask the terminal
    return made


def name_for(spec: CheckSpec) -> str:
    """The name to ask for and to verify: that of virtualhost when it has one that TLS can carry; "" asks for none.

    With verification the address itself is the name when there is no other: the certificate must then carry it.
    """
    name = server_name(spec.virtualhost) if spec.virtualhost != bracketed(spec.address) else ""
    return name or (spec.address if spec.tls.verify else "")


def judge_certificate(rules: TlsRules, connection: ssl.SSLObject | ssl.SSLSocket, now: datetime.datetime) -> None:
    """Raises BadAnswer when the certificate does not live long enough. now: with its time zone."""
    if not rules.minimum_days:
        return
    # Imported here because it costs more start-up time than the rest of the checks, and few ask for it.
    from cryptography import x509

    encoded = connection.getpeercert(binary_form=True)
    if not encoded:
        raise BadAnswer(Reason.CERTIFICATE, "the server showed none")
    end = x509.load_der_x509_certificate(encoded).not_valid_after_utc
    days = (end - now).total_seconds() / 86400
    if days < rules.minimum_days:
        raise BadAnswer(
            Reason.CERTIFICATE, f"valid until {end:%Y-%m-%d %H:%M} UTC, {days:.1f} days, not {rules.minimum_days}"
        )
