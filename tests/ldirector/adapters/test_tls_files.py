"""Certificates, keys and authorities as operators leave them behind."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from ldirector.adapters.tls_files import faults
from ldirector.core.model import TlsRules
from tests.ldirector.checks.authority import Authority

AUTHORITY = Authority()
CERTIFICATE = AUTHORITY.certificate("client")
OTHER = AUTHORITY.certificate("other")
NOW = datetime.datetime.now(datetime.UTC)


def found(*, now: datetime.datetime = NOW, **files: Any) -> list[tuple[str, str, bool]]:
    """Setting, words and cure, whether it is fatal."""
    names: dict[str, Any] = {name: str(path) for name, path in files.items()}
    rules = TlsRules(verify=True, **names)
    return [(fault.setting, f"{fault.what}; {fault.cure}", fault.fatal) for fault in faults(rules, now)]


@pytest.fixture
def junk(tmp_path: Path) -> Path:
    path = tmp_path / "junk.pem"
    path.write_text("no certificate")
    return path


def test_good_files_have_no_fault() -> None:
    assert found(authorities=AUTHORITY.file, certificate=CERTIFICATE, key=CERTIFICATE) == []
    assert found(certificate=CERTIFICATE) == []
    assert found() == []


@pytest.mark.parametrize("setting", ["authorities", "certificate", "key"])
def test_file_that_is_not_there_or_no_file_is_named(setting: str, tmp_path: Path) -> None:
    good: dict[str, Any] = {"certificate": CERTIFICATE} if setting == "key" else {}
    os.mkfifo(tmp_path / "pipe")
    for path, why in (
        (tmp_path / "nowhere.pem", "No such file or directory"),
        (tmp_path, "it is no regular file"),
        (tmp_path / "pipe", "it is no regular file"),
    ):
        words = f"{path} cannot be read ({why}); correct the path, or let the daemon read it"
        assert found(**good | {setting: path}) == [(setting, words, True)]


def test_file_that_is_no_certificate_is_called_so(junk: Path) -> None:
    ((setting, words, fatal),) = found(authorities=junk)
    assert (setting, fatal) == ("authorities", True)
    assert words.startswith(f"{junk} has no certificate in it (no certificate or crl found); write one in PEM form")
    ((setting, words, fatal),) = found(certificate=junk)
    assert (setting, fatal) == ("certificate", True)
    assert words.startswith(f"{junk} has no certificate in it (")


def test_key_that_is_missing_or_no_key_is_called_so(junk: Path, tmp_path: Path) -> None:
    ((setting, words, fatal),) = found(certificate=CERTIFICATE, key=junk)
    assert (setting, fatal) == ("key", True)
    assert words.startswith(f"{junk} has no private key in it (")
    alone = tmp_path / "alone.pem"
    text = Path(CERTIFICATE).read_text()
    alone.write_text(text[text.index("-----BEGIN CERT") :])
    ((setting, words, fatal),) = found(certificate=alone)
    assert (setting, fatal) == ("certificate", True)
    assert words.endswith("; write key: with the file that has it")


def test_key_of_another_certificate_is_called_so() -> None:
    ((setting, words, fatal),) = found(certificate=CERTIFICATE, key=OTHER)
    assert (setting, fatal) == ("key", True)
    assert f"{CERTIFICATE} cannot be used with the key in {OTHER} (key values mismatch); give the key that" in words


def test_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path) -> None:
    key = load_pem_private_key(Path(CERTIFICATE).read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    ((setting, words, fatal),) = found(certificate=CERTIFICATE, key=locked)
    assert (setting, fatal) == ("key", True)
    assert words.startswith(f"the private key in {locked} has a password; ")


def test_certificate_out_of_its_time_is_a_warning() -> None:
    old = AUTHORITY.certificate("old", days=-3)
    ((setting, words, fatal),) = found(certificate=old)
    assert (setting, fatal) == ("certificate", False)
    assert words.startswith(f"{old} expired on {NOW - datetime.timedelta(3):%Y-%m-%d}; put the renewed")
    ((setting, words, fatal),) = found(now=NOW - datetime.timedelta(100), certificate=CERTIFICATE)
    assert (setting, fatal) == ("certificate", False)
    assert f"{CERTIFICATE} is not valid before" in words


def test_authorities_that_have_all_expired_are_a_warning() -> None:
    ((setting, words, fatal),) = found(now=NOW + datetime.timedelta(4000), authorities=AUTHORITY.file)
    assert (setting, fatal) == ("authorities", False)
    assert f"{AUTHORITY.file} expired on" in words
