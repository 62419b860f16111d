import pytest

from ldirector.checks import scram

# The example of RFC 7677 section 3, whose user name PostgreSQL leaves out: hence only what does not depend on it.
NONCE = b"rOprNGfwEbeRWgbNEkqO"
CHALLENGE = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"


def test_the_example_of_the_rfc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scram, "_bare", lambda nonce: b"n=user,r=" + nonce)
    proof, expected = scram.prove("pencil", NONCE, scram.read_challenge(NONCE, CHALLENGE))
    assert proof == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert expected == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_the_first_message_names_no_user() -> None:
    assert scram.first_message(b"abc") == b"n,,n=,r=abc"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"r=rOprNGfwEbeRWgbNEkqO%x,s=W22Z",
        b"r=rOprNGfwEbeRWgbNEkqO%x,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO%x,s=***,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO%x,s=W22Z,i=many",
        b"r=rOprNGfwEbeRWgbNEkqO%x,s=W22Z,i=0",
        b"r=rOprNGfwEbeRWgbNEkqO%x,s=W22Z,i=100001",
        b"r=rOprNGfwEbeRWgbNEkqO%x,s=W22Z,i=" + b"9" * 5000,
        b"r=somebody elses nonce,s=W22Z,i=4096",
        b"r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096",
    ],
    ids=["empty", "no i", "no s", "no base64", "no number", "0", "100001", "huge", "other nonce", "only our nonce"],
)
def test_a_challenge_that_is_none_or_costs_too_much_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"SCRAM|int\(\)"):
        scram.read_challenge(NONCE, text)


def test_passwords_are_prepared_as_the_server_did() -> None:
    assert scram.prepared("pencil") == b"pencil"
    assert scram.prepared("a\u00a0b\u00ad\u2168") == b"a bIX"  # RFC 4013 section 3, examples 1 and 4
