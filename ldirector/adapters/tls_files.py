"""The files that TLS rules of ldirector.yaml name, looked at before a check needs them.

Each is read and used as a check would use it, so that a path, a permission, a key that does not belong to its
certificate or one with a password is known when the configuration is read, and not by servers that are called down.
"""

from __future__ import annotations

import datetime
import os
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

from ldirector.config.settings_file import FileFault
from ldirector.core.model import TlsRules

LARGEST = 16 << 20  # bytes; the authorities of a whole system are a fraction of one MiB
NO_CERTIFICATE = "write one in PEM form, as openssl x509 prints it"


def faults(rules: TlsRules, now: datetime.datetime) -> list[FileFault]:
    """What is wrong with them, by the setting that names the file. now: with its time zone."""
    found = []
    for setting in ("authorities", "certificate", "key"):
        if path := getattr(rules, setting):
            try:
                _look_at(path)
            except OSError as error:
                cure = "correct the path, or let the daemon read it"
                found.append(FileFault(setting, f"{path} cannot be read ({error.strerror})", cure))
    if not found:
        found += _of_authorities(rules.authorities, now) if rules.authorities else ()
        found += _of_certificate(rules.certificate, rules.key, now) if rules.certificate else ()
    return found


def _look_at(path: str) -> None:
    """Raises OSError when it is no file that can be read; a pipe would be waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "it is no regular file")
        if found.st_size > LARGEST:
            raise OSError(0, f"it is larger than {LARGEST >> 20} MiB")
    finally:
        os.close(descriptor)


def _of_authorities(path: str, now: datetime.datetime) -> Iterator[FileFault]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        yield FileFault("authorities", f"{path} has no certificate in it ({_words(error)})", NO_CERTIFICATE)
        return
    ends = [ssl.cert_time_to_seconds(str(each["notAfter"])) for each in context.get_ca_certs()]
    if ends and max(ends) < now.timestamp():  # some of many may be old
        end = datetime.datetime.fromtimestamp(max(ends), datetime.UTC)
        yield FileFault("authorities", f"{path} expired on {end:%Y-%m-%d}", "put the renewed certificate there", False)


def _of_certificate(path: str, key: str, now: datetime.datetime) -> Iterator[FileFault]:
    # Imported here because it costs start-up time, and few have a certificate of their own.
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        first = x509.load_pem_x509_certificates(Path(path).read_bytes())[0]
    except (OSError, ValueError) as error:
        yield FileFault("certificate", f"{path} has no certificate in it ({_words(error)})", NO_CERTIFICATE)
        return
    setting, key_file = ("key", key) if key else ("certificate", path)
    try:
        load_pem_private_key(Path(key_file).read_bytes(), None)
    except TypeError:
        cure = f"nobody is there to type it: openssl pkey -in {key_file} writes it without"
        yield FileFault(setting, f"the private key in {key_file} has a password", cure)
        return
    except (OSError, ValueError) as error:
        cure = "write a key in PEM form" if key else "write key: with the file that has it"
        yield FileFault(setting, f"{key_file} has no private key in it ({_words(error)})", cure)
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, key or None, lambda: "")
    except ssl.SSLError as error:
        what = f"{path} cannot be used with the key in {key_file} ({_words(error)})"
        yield FileFault(setting, what, "give the key that belongs to the certificate")
        return
    begin, end = first.not_valid_before_utc, first.not_valid_after_utc
    if end < now:
        yield FileFault("certificate", f"{path} expired on {end:%Y-%m-%d}", "put the renewed certificate there", False)
    elif begin > now:
        yield FileFault("certificate", f"{path} is not valid before {begin:%Y-%m-%d}", "look at the clock", False)


def _words(error: Exception) -> str:
    """OpenSSL's reason where there is one."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return (str(error).split(". ")[0] or type(error).__name__)[:100]
