"""The command `hbeat`: starts, stops and asks the heartbeat daemon (reference section 11.1).

The original's options keep their meaning; the same can be said in words.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence

import hbeat
from hbeat import client, original

OK, FAILED, USAGE, STOPPED, NOT_PERMITTED = 0, 1, 2, 3, 4
STALE_PID_FILE = 1

REFUSED = (
    "-M, -R and -C are not for this program: a node without resources is one without lines in haresources, and a "
    "reload needs no restart"
)

VERBS = ("start", "stop", "status", "reload")


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["resource"]:
        from hbeat import resource_manager  # heavy, as below

        return resource_manager.main(words[1:])
    if words[:1] == ["order"]:
        from hbeat import standby_commands

        return standby_commands.main(words[1:])
    arguments = _understood(words)
    verb = arguments.verb or arguments.word or "start"
    if verb == "status":
        return _status(yaml=arguments.yaml, brief=arguments.verb == "status")
    if verb == "stop":
        return _stop()
    if verb in ("defaults", "wiki", "dump"):
        from hbeat import defaults  # only here: it reads the files

        return defaults.print_configuration() if verb == "dump" else defaults.print_defaults(wiki=verb == "wiki")
    if arguments.refused is not None:
        print(f"hbeat: {REFUSED}", file=sys.stderr)
        return USAGE
    if verb == "reload" and client.is_running():
        return _reload()
    from hbeat import service  # heavy, and only the start needs it
    from hbeat.life import Manner

    return service.start(Manner(arguments.foreground, arguments.debug > 0, not arguments.no_realtime), arguments.kept)


def _understood(words: Sequence[str]) -> argparse.Namespace:
    """The options and words, which say one thing to do. Ends the program with a usage error otherwise."""
    made = parser()
    arguments = made.parse_args(words)
    if arguments.word is not None and (arguments.verb is not None or arguments.refused is not None):
        made.error(f"the word {arguments.word} and an option that says what to do: give one of them")
    if arguments.yaml and arguments.word != "status":
        made.error("--yaml goes with the word status")
    return arguments


def parser() -> argparse.ArgumentParser:
    """Its options and words."""
    made = argparse.ArgumentParser(
        prog="hbeat",
        description="The heartbeat daemon: without options or words it is started.",
        epilog="`hbeat resource` asks for and moves single groups, as ResourceManager did; alone it shows its usage.",
    )
    made.add_argument("word", nargs="?", choices=VERBS, help="what to do, in words")
    verbs = made.add_mutually_exclusive_group()
    verbs.add_argument("-k", dest="verb", action="store_const", const="stop", help="stop, and wait until it is gone")
    verbs.add_argument("-r", dest="verb", action="store_const", const="reload", help="take up changed files")
    verbs.add_argument("-s", dest="verb", action="store_const", const="status", help="one line: does it run?")
    verbs.add_argument("-D", dest="verb", action="store_const", const="defaults", help="the defaults of ha.cf")
    verbs.add_argument("-W", dest="verb", action="store_const", const="wiki", help="the same, as a table of wikis")
    verbs.add_argument("-v", dest="verb", action="store_const", const="dump", help="the values of ha.cf in force")
    made.add_argument("-M", "-R", dest="refused", action="store_const", const="", help="refused, with the reason")
    made.add_argument("-C", dest="refused", metavar="STATE", help="refused, with the reason")
    made.add_argument("-f", dest="foreground", action="store_true", help="stay in the foreground, log to stderr too")
    made.add_argument("-d", dest="debug", action="count", default=0, help="log debug messages")
    made.add_argument("-l", dest="no_realtime", action="store_true", help="no real-time scheduling, no locked memory")
    made.add_argument("--kept", type=_descriptors, help=argparse.SUPPRESS)  # by its keeper
    made.add_argument("--yaml", action="store_true", help="with `status`: everything, as YAML")
    made.add_argument("-V", "--version", action="version", version=f"hbeat {hbeat.__version__}")
    return made


def _descriptors(text: str) -> tuple[int, int]:
    pipe, _, lock = text.partition(",")
    return int(pipe), int(lock)


def _status(*, yaml: bool, brief: bool) -> int:
    if not client.is_running():
        if other := original.running_original():
            print(f"heartbeat is stopped, but {other.name} runs on this node; {other.cure}")
            return FAILED
        print("heartbeat is stopped. No process")
        return STALE_PID_FILE if client.PID_FILE.exists() else STOPPED
    uname = os.uname().nodename
    try:
        answer = client.ask("status")
    except (client.NotRunning, PermissionError) as error:
        print(f"heartbeat OK [pid {client.daemon_pid()} et al] is running on {uname} [{uname.lower()}]...")
        print(f"heartbeat: {error}", file=sys.stderr)
        return OK
    if yaml:
        import yaml as library  # only here: it costs more than the rest of this command

        print(library.safe_dump(answer, sort_keys=False), end="")
        return OK
    print(f"heartbeat OK [pid {answer['pid']} et al] is running on {uname} [{answer['node']}]...")
    if not brief:
        _print_overview(answer)
    return OK


def _print_overview(answer: dict[str, object]) -> None:
    nodes, resources, all_dropped = answer["nodes"], answer["resources"], answer["dropped"]
    assert isinstance(nodes, dict)
    assert isinstance(resources, dict)
    assert isinstance(all_dropped, dict)
    dropped: dict[str, int] = all_dropped["reasons"]
    for name, node in nodes.items():
        links = "  ".join(f"{link} {state}" for link, state in node["links"].items() if "silent" in node)
        print(f"  node {name:20} {node['status']:8} {links}")
        for file in node.get("differing", []):
            print(f"    {file} is not the same there and here")
    print(f"  resources held here: {resources['status']}")
    for group in resources["groups"]:
        print(f"    {group['node']}: {' '.join(group['resources'])}")
    if answer.get("connection_sync"):
        _print_connection_sync(answer["connection_sync"])
    late = answer["late"]
    assert isinstance(late, dict)
    minute, ever = (f"{late[span] * 1000:.1f} ms" for span in ("last minute", "since start"))
    print(f"  own loop late by at most {minute} in the last minute, {ever} since the start")
    if all_dropped["script messages"]:
        print(f"  messages of scripts dropped: {all_dropped['script messages']}")
    if dropped:
        print(f"  datagrams dropped: {', '.join(f'{count} {reason}' for reason, count in sorted(dropped.items()))}")


def _print_connection_sync(sync: object) -> None:
    assert isinstance(sync, dict)
    runs = " and ".join(sync["running"]) or sync["problem"]
    print(f"  connection sync: {runs}, {sync['interface']}, syncid {sync['syncid']}")
    there = "not known" if sync["there"] is None else sync["there"]
    dropped = f", {sync['dropped']} messages dropped" if sync["dropped"] else ""
    print(f"    connections here {sync['here']}, there {there}{dropped}")
    print(f"    known to the other node: {sync['level']} ({sync['why']})")
    if sync["awaited"]:
        print("    resources wait until the other node knows them")


def _stop() -> int:
    if not client.is_running():
        if other := original.running_original():
            print(f"heartbeat is stopped, but {other.name} runs on this node; {other.cure}", file=sys.stderr)
            return FAILED
        print("INFO: Heartbeat already stopped.")
        return OK
    try:
        answer = client.ask("stop")
        if not answer["ok"]:
            return _denied(answer["error"])
    except PermissionError as error:
        return _denied(error)
    except client.NotRunning as error:
        if not _terminate(error):
            return FAILED
    while client.is_running():
        time.sleep(0.05)
    return OK


def _terminate(why: client.NotRunning) -> bool:
    """SIGTERM for a daemon that does not answer: for who has its lock, whatever the pid file says."""
    holders = client.lock_holders()
    if not holders:  # it may just have ended
        if client.is_running():
            print(f"{why}, and no process has {client.LOCK_FILE}: find it with `ss -xlp` and end it", file=sys.stderr)
            return False
        return True
    try:
        os.kill(holders[0], signal.SIGTERM)
    except ProcessLookupError:
        return True
    return True


def _denied(why: object) -> int:
    print(f"heartbeat: {why}", file=sys.stderr)
    return NOT_PERMITTED


def _reload() -> int:
    try:
        answer = client.ask("reload")
    except PermissionError as error:
        return _denied(error)
    except client.NotRunning as error:
        print(f"heartbeat: {error}", file=sys.stderr)
        return FAILED
    if answer.get("denied"):
        return _denied(answer["error"])
    if answer["ok"]:
        warnings = answer["warnings"]
        assert isinstance(warnings, list)
        for warning in warnings:
            print(f"warning: {warning}", file=sys.stderr)
        return OK
    print(f"{answer['error']}\nheartbeat: not reloaded; it goes on as before", file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
