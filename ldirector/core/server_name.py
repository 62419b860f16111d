"""The server name that a TLS check asks for (SNI, RFC 6066 section 3) and, when it verifies, must find."""

from __future__ import annotations

import ipaddress

LONGEST = 253
"""Bytes of a host name in DNS (RFC 1035 section 2.3.4, without the lengths and the root)."""


def server_name(virtualhost: str) -> str:
    """The name in a Host header, without its port; "" when there is none that TLS could carry.

    A Host header takes any text. A server name has labels of 1 to 63 bytes: `www..example.com` has an empty one.
    """
    name = _without_port(virtualhost)
    return name if _is_sendable(name) else ""


def _without_port(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return host.rsplit(":", 1)[0] if host.rpartition(":")[2].isdigit() else host


def _is_sendable(name: str) -> bool:
    """Whether ssl takes it, which encodes it as IDNA (RFC 3490)."""
    try:
        return 0 < len(name.encode("idna")) <= LONGEST and not name.startswith(".")
    except UnicodeError:
        return False
