"""service=https: the http check over TLS.

The certificate is not verified: what is checked is whether the server answers, and back ends behind a director mostly
carry self-signed certificates or those of the virtual's name. The original's behaviour depended on the libraries of
its machine (reference section c), so migrated files may rely on either; NOTE says once which one this is.
"""

from __future__ import annotations

import functools
import ssl

from ldirector.checks import http
from ldirector.core.events import CheckSpec
from ldirector.core.verdict import Verdict

NOTE = "https checks: certificates of real servers are not verified (their chain and name do not decide)"


async def check(spec: CheckSpec, deadline: float) -> Verdict:
    return await http.check(spec, deadline, unverified_context())


@functools.cache
def unverified_context() -> ssl.SSLContext:
    """One context for all checks: making one costs more than a whole check."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
