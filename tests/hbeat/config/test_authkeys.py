from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hbeat.config.authkeys import AuthKeys, parse_authkeys
from hbeat.config.errors import ConfigError
from hbeat.core.auth import Key, Method

ROOT = Path(__file__).parents[3]
SEED = ROOT / "tests/vectors/ultramonkey"


def parse(text: str, mode: int = 0o600) -> AuthKeys:
    return parse_authkeys(text, "/etc/ha.d/authkeys", mode)


def errors(text: str, mode: int = 0o600) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, mode)
    return str(caught.value).replace("/etc/ha.d/", "").splitlines()


def test_the_seed_file_loads():
    keys = parse((SEED / "test1.com/authkeys").read_text())
    assert (keys.active, dict(keys.keys), keys.warnings) == (2, {2: Key(2, Method.SHA1, b"PASSWORD")}, ())


def test_a_key_ends_at_a_blank_and_comments_only_count_at_the_start_of_a_line():
    keys = parse("# c\n\nauth 2\n2 sha1 PASS WORD # c\n1 md5 other#1\n")
    assert keys.keys[2].text == b"PASS"
    assert keys.keys[1].text == b"other#1"


@pytest.mark.parametrize(("mode", "good"), [(0o600, 1), (0o400, 1), (0o620, 1), (0o640, 0), (0o604, 0), (0o644, 0)])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_cures_it(mode, good):
    text = "auth 1\n1 sha1 x\n"
    if good:
        assert parse(text, mode).active == 1
    else:
        assert errors(text, mode) == [
            f"authkeys: bad permissions {mode:04o} on keyfile: others can read it; chmod 600 authkeys"
        ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "authkeys: missing auth directive in keyfile; add auth N as the first line"),
        ("auth 1\n", "authkeys:1: auth key 1 not found in keyfile; add a line 1 sha1 KEY"),
        ("1 sha1 x\nauth 1\n", "authkeys:2: auth 1 stands below the key's own line; move it to the top"),
        ("auth 1\n1 crc x\n", "authkeys:2: key 1: crc takes no key; write sha1 for a key that protects"),
        ("auth 1\n1 sha1\n", "authkeys:2: auth method sha1 requires a key; write 1 sha1 KEY"),
        ("auth 1\n1 sha2 x\n", "authkeys:2: invalid authtype of key 1; write 1 METHOD KEY, METHOD one of sha1, "),
        ("auth 16\n", "authkeys:1: invalid auth line; write auth N with the number of a key, 0 to 15"),
        ("auth\n", "authkeys:1: invalid auth line; write auth N with the number of a key, 0 to 15"),
        ("auth 1\n1 sha1 x\n16 md5 y\n", "authkeys:3: invalid authnum; a line is auth N, or begins with a "),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line_and_its_cure(text, told):
    assert any(line.startswith(told) for line in errors(text))


def test_crc_is_accepted_with_a_warning():
    keys = parse("auth 2\n2 crc\n")
    assert keys.keys[2] == Key(2, Method.CRC, b"")
    assert "can forge heartbeats" in str(keys.warnings[0])


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("auth shm d5crc01 \n#"))))
def test_any_text_gives_keys_or_a_config_error(text):
    with suppress(ConfigError):
        assert parse(text).keys


@pytest.mark.parametrize(
    "text",
    ["1 sha1 SECRET\n", "1 sha1SECRET\n", "1 SECRET\n", "auth SECRET\n", "SECRET\n", "1 crc SECRET\n"],
)
def test_a_key_is_never_shown(text):
    try:
        shown = repr(parse(f"auth 1\n{text}"))
    except ConfigError as error:
        shown = f"{error} {error!r} {error.problems!r}"
    assert "SECRET" not in shown


def test_remark_may_be_indented():
    assert parse_authkeys("auth 1\n \t# ours\n1 sha1 x\n", "authkeys", 0o600).active == 1
