from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirector.core.commands import callback, instance, needs_shell, words

PLAIN = [
    "/etc/ha.d/fb.sh",
    "/etc/ha.d/fb.sh own",
    "/bin/mail -s 'no real server; sorry $PAGE' root@example.com",
    '/bin/x "two words" --name=value a#b c~d 10.1.1.10:80',
    r"/bin/x a\ b \$c \;",
    r'/bin/x "say \"hello\" \\ there"',
    r"/bin/x 'a\' b\;",
    "  /bin/x  ",
]
FOR_A_SHELL = [
    "/bin/x; /bin/y",
    "/bin/x | logger",
    "/bin/x && /bin/y",
    "/bin/x > /dev/null",
    "/bin/x $HOME",
    '/bin/x "$HOME"',
    r'/bin/x "\$HOME"',
    "/bin/x `date`",
    '/bin/x "`date`"',
    "/bin/x *.conf",
    "/bin/x a?b",
    "/bin/x [ab]",
    "/bin/x (a)",
    "/bin/x # a remark",
    "~/bin/x",
    "/bin/x ~root",
    "NAME=value /bin/x",
    "cd /tmp",
    "exec /bin/x",
    r"/bin/x 'a\' ~",
]


@pytest.mark.parametrize("text", PLAIN)
def test_text_without_anything_special_means_the_same_with_and_without_a_shell(text: str) -> None:
    assert not needs_shell(text)
    printed = subprocess.run(["sh", "-c", f"set -- {text}; printf '%s\\n' \"$@\""], capture_output=True, text=True)
    assert list(words(text)) == printed.stdout.splitlines()


@pytest.mark.parametrize("text", FOR_A_SHELL)
def test_text_that_only_a_shell_understands_is_found(text: str) -> None:
    assert needs_shell(text)


@pytest.mark.skipif(not shutil.which("sh"), reason="needs sh")
@given(st.text(alphabet="ab $\\'\"`~#=*.", max_size=12))
def test_whatever_is_not_found_to_need_a_shell_is_read_alike_by_one(text: str) -> None:
    try:
        ours = words(f"x {text}")
    except ValueError:
        return
    if needs_shell(f"x {text}"):
        return
    shell = subprocess.run(["sh", "-c", f"set -- x {text}; printf '%s\\n' \"$@\""], capture_output=True, text=True)
    assert (shell.stdout, shell.stderr) == ("".join(f"{word}\n" for word in ours), "")


@pytest.mark.parametrize("text", ["", "   ", "/bin/x 'unfinished", '/bin/x "unfinished', "/bin/x \\"])
def test_text_that_is_no_command_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"No closing quotation|No escaped character|no program is named"):
        words(text)


def test_callback_gets_the_path_of_the_file() -> None:
    assert callback("/etc/ha.d/my sync.sh", "/etc/ha.d/ldirectord.cf").argv == (
        *("/etc/ha.d/my sync.sh", "/etc/ha.d/ldirectord.cf"),
    )


def test_other_instances_are_commanded_by_name_each_in_its_own_order() -> None:
    web, mail = instance("web.cf", "start"), instance("mail.cf", "start")
    assert web.argv == ("ldirectord", "--alone", "web.cf", "start")
    assert web.key == instance("web.cf", "stop").key != mail.key
