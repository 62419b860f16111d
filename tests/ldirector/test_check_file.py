"""`ldirectord -t`: findings with their cures, the table, and an exit status that scripts can use."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldirector.cli import main

GOOD = "virtual=10.1.1.10:80\n\treal=192.168.2.236:80 masq 5\n\treal=192.168.2.237:80 gate\n\tchecktype=connect\n"
TABLE = (
    "IP Virtual Server version 1.2.1 (size=4096)\n"
    "Prot LocalAddress:Port Scheduler Flags\n"
    "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
    "TCP  10.1.1.10:80 wrr\n"
    "  -> 192.168.2.236:80             Masq    5      0          0         \n"
    "  -> 192.168.2.237:80             Route   1      0          0         \n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ldirectord.cf"


def test_good_file_gives_its_table_and_0(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(GOOD)
    assert main(["-t", str(path)]) == 0
    assert capsys.readouterr() == (TABLE, "")


def test_warnings_come_with_the_table_and_1(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text("quiescent=yes # or no\n" + GOOD)
    assert main(["--test", str(path)]) == 1
    out, said = capsys.readouterr()
    assert out == TABLE
    assert said.startswith(f"warning: {path}:1: quiescent: a remark stands behind the value")


def test_strict_refuses_what_only_the_old_program_refuses(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text("quiescent=yes # or no\n" + GOOD)
    assert main(["-t", "--strict", str(path)]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert said.startswith(f"error: {path}:1: quiescent:")


def test_every_problem_of_a_refused_file_is_printed_and_no_table(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text("nonsense=1\ncheckcount=2\n" + GOOD + "\tbogus=1\n")
    assert main(["-t", str(path)]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert [line.split(f" {path}:")[0] + line.split(f"{path}:")[1][:1] for line in said.splitlines()] == [
        "error:1",
        "warning:2",
        "error:7",
    ]


def test_settings_file_beside_it_is_checked_too(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(GOOD)
    settings = path.with_name("ldirector.yaml")
    settings.write_text("defaults:\n  rises: 2\n")
    assert main(["-t", str(path)]) == 2
    assert f"error: {settings}:2: 'rises': there is no such setting; perhaps rise was meant" in capsys.readouterr().err
    settings.write_text("defaults:\n  tls:\n    verify: on\n    authorities: /nowhere/ca.pem\n")
    assert main(["-t", str(path)]) == 2
    words = "tls: authorities: /nowhere/ca.pem cannot be read (No such file or directory); correct the path"
    assert f"error: {settings}:4: {words}" in capsys.readouterr().err


def test_file_that_cannot_be_read_is_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-t", str(path)]) == 2
    assert capsys.readouterr().err == f"error: cannot read {path}: No such file or directory\n"


@pytest.mark.parametrize("words", [["-t", "a", "b"], ["--strict", "a", "start"]])
def test_arguments_that_make_no_sense_are_a_usage_error(words: list[str]) -> None:
    assert main(words) == 255


def test_files_and_folders_that_are_not_there_are_warned_about_with_their_lines(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = f"\tmonitorfile={path.parent}\n\tchecktype=external\n\tcheckcommand=/nowhere/check\n"
    path.write_text(f'logfile="/nowhere/log"\nmaintenancedir=/nowhere\n{GOOD}{more}\nexecute=nowhere.cf\n')
    assert main(["-t", str(path)]) == 1
    said = [line.split(f"{path}:")[1].split(";")[0] for line in capsys.readouterr().err.splitlines()]
    assert sorted(said) == [
        "11: execute nowhere.cf: there is no such configuration",
        "1: logfile /nowhere/log: its folder is not there",
        "2: maintenancedir /nowhere: there is no such folder",
        f"7: monitorfile {path.parent}: it is a folder",
        "9: checkcommand /nowhere/check: there is no such program",
    ]


def test_names_with_tabs_and_too_long_for_a_path_are_warned_about_with_their_lines(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text(f"{GOOD}\tmonitorfile=/nowhere/a\tb\nexecute={'x' * 5000}\n")
    assert main(["-t", str(path)]) == 1
    said = sorted(line.split(f"{path}:")[1].split(";")[0] for line in capsys.readouterr().err.splitlines())
    last = path.read_text().count("\n")
    assert said[1].startswith(f"{last}: execute xxx")
    assert said[0] == f"{last - 1}: monitorfile /nowhere/a    b: its folder is not there"


def complaints(path: Path, text: str, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    path.write_text(text)
    main(["-t", *options, str(path)])
    return [line.replace(f"{path}:", "") for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("maintenancedir=rel/dir", "maintenancedir rel/dir: it is looked for in /, where the daemon runs, as /rel/dir"),
        ('callback="rel/x"', "callback rel/x: it is looked for in /, where the daemon runs, as /rel/x"),
        ('callback="/nonexistent/x"', "callback /nonexistent/x: there is no such program"),
        ('callback="/etc/passwd"', "callback /etc/passwd: it is not executable"),
        ("fallbackcommand=rel/fb.sh -x", "fallbackcommand rel/fb.sh -x: it is looked for in /, where the daemon runs"),
        ("fallbackcommand=/nonexistent/fb -x", "fallbackcommand /nonexistent/fb -x: there is no such program"),
        ("fallbackcommand=no-such-program -x", "fallbackcommand no-such-program -x: there is no such program in PATH"),
    ],
)
def test_path_that_the_daemon_will_not_find_is_warned_about(
    path: Path, capsys: pytest.CaptureFixture[str], line: str, what: str
) -> None:
    (said,) = complaints(path, f"{line}\n{GOOD}", capsys)
    assert said.startswith(f"warning: 1: {what}")


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ("\tmonitorfile=rel/x\n", "monitorfile rel/x: it is looked for in /"),
        ("\tfallbackcommand=/nonexistent/fb\n", "fallbackcommand /nonexistent/fb: there is no such program"),
        ("\tcheckcommand=rel/c.sh\n\tchecktype=external\n", "checkcommand rel/c.sh: it is looked for in /"),
        ("\tcheckcommand=rel/c.pl\n\tchecktype=external-perl\n", "checkcommand rel/c.pl: it is looked for in /"),
        ("\tcheckcommand=/etc/passwd\n\tchecktype=external\n", "checkcommand /etc/passwd: it is not executable"),
    ],
)
def test_path_in_a_virtual_that_the_daemon_will_not_find_is_warned_about(
    path: Path, capsys: pytest.CaptureFixture[str], lines: str, what: str
) -> None:
    (said,) = complaints(path, GOOD + lines, capsys)
    assert said.startswith(f"warning: 5: {what}")


def test_paths_that_are_there_are_fine(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = f'maintenancedir={path.parent}\ncallback="/bin/true"\nfallbackcommand=true -x\n'
    block = f"\tmonitorfile={path.parent}/new\n\tchecktype=external\n\tcheckcommand=/bin/false\n"
    assert complaints(path, lines + GOOD + block, capsys) == []


def test_strict_refuses_a_log_and_a_monitorfile_that_cannot_be_opened(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f'logfile="/nonexistent/x"\n{GOOD}\tmonitorfile=/tmp\n'
    assert [line.split(": ")[:2] for line in complaints(path, text, capsys)] == [["warning", "1"], ["warning", "6"]]
    assert [line.split(": ")[:2] for line in complaints(path, text, capsys, "--strict")] == [
        ["error", "1"],
        ["error", "6"],
    ]


def test_configuration_that_executes_itself_is_warned_about(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (said,) = complaints(path, f"execute={path}\n{GOOD}", capsys)
    assert "1: execute" in said
    assert "it is this configuration itself; remove the line" in said
