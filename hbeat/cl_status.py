"""The command `cl_status`: what monitoring scripts ask (reference section 11.6).

Outputs and exit codes are the original's; `-m` anywhere adds words for people.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from hbeat import client

YES, NO, BAD, UNKNOWN_LINK = 0, 1, 11, 13
NO_ANSWER = 13
OFFLINE = 1
LINKS_HEAD = "this node has the following heartbeat links:"

USAGE = """usage: cl_status [-m] SUB-COMMAND
  hbstatus [-v]              does heartbeat run on this machine?
  listnodes [-n | -p | -v]   all nodes, normal ones, ping nodes
  nodestatus NODE            init, up, active, dead, ping
  nodetype NODE              normal, ping
  nodeweight NODE
  nodesite NODE
  listhblinks NODE [-v]      its links [and their status]
  hblinkstatus NODE LINK     up, dead
  clientstatus NODE CLIENT [TIMEOUT]
  rscstatus                  none, local, foreign, all, transition
  hbparameter -p NAME        a value of ha.cf"""


class Refused(Exception):
    """The question cannot be answered: message and exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    human = "-m" in words
    words = [word for word in words if word != "-m"]
    if not words:
        print(USAGE)
        return YES
    if words[0] == "hbstatus":
        return _hbstatus("-v" in words[1:], human)
    command = COMMANDS.get(words[0])
    if command is None:
        print(f"cl_status: no sub-command {words[0]}; without any it lists them", file=sys.stderr)
        return BAD
    try:
        answer = client.ask("status")
        if not answer["ok"] or not answer["active"]:
            raise client.NotRunning("heartbeat is not active yet")
        return command(answer, words[1:], human)
    except (client.NotRunning, PermissionError) as error:
        print(f"Cannot signon with heartbeat: {error}", file=sys.stderr)
        return NO
    except Refused as error:
        print(f"cl_status: {error}", file=sys.stderr)
        return error.code
    except IndexError:
        print(f"cl_status: {words[0]} needs more words\n{USAGE}", file=sys.stderr)
        return BAD


def _hbstatus(verbose: bool, human: bool) -> int:
    running = client.is_running()
    if not (running and verbose):
        print(f"Heartbeat is {'running' if running else 'stopped'} on this machine.")
        return YES if running else NO
    try:
        answer = client.ask("status")
    except (client.NotRunning, PermissionError) as error:
        print(f"Heartbeat is running on this machine.\ncl_status: {error}", file=sys.stderr)
        return YES
    nodes, version = answer["nodes"], f"hbeat {answer['version']}"
    assert isinstance(nodes, dict)
    if human:
        print(f'Heartbeat version {version}\nResources controlled by "haresources"\nThe nodes are as follow:')
    else:
        print(f'version:\t{version}\nmanaged by:\t"haresources"')
    for name, node in _last_first(nodes):
        print(_described(name, node, human))
    return YES


def _node(answer: dict[str, Any], name: str) -> dict[str, Any]:
    try:
        node = answer["nodes"][name.lower()]
    except KeyError:
        raise Refused(f"there is no node {name}; `cl_status listnodes` lists them", BAD) from None
    assert isinstance(node, dict)
    return node


def _listnodes(answer: dict[str, Any], words: list[str], human: bool) -> int:
    wanted = {"-n": ("normal",), "-p": ("ping",)}
    types = next((wanted[word] for word in words if word in wanted), ("normal", "ping"))
    for name, node in _last_first(answer["nodes"]):
        if node["type"] in types:
            print(_described(name, node, human) if "-v" in words else name)
    return YES


def _last_first(named: dict[str, Any]) -> list[tuple[str, Any]]:
    """As the original prints nodes and links: what stands last in ha.cf comes first."""
    return list(reversed(named.items()))


def _described(name: str, node: dict[str, Any], human: bool) -> str:
    head = f"\n\t{LINKS_HEAD}" if human else ""
    links = "".join(f"\n\t{link}\t{state}" for link, state in _last_first(node["links"]))
    return f"\n{name}\t{node['status']}\t(nodetype: {node['type']}){head}{links}"


def _nodestatus(answer: dict[str, Any], words: list[str], human: bool) -> int:
    status = _node(answer, words[0])["status"]
    print(f"The cluster node {words[0]} is {status}" if human else status)
    return YES if status in ("active", "up", "ping") else NO


def _nodetype(answer: dict[str, Any], words: list[str], human: bool) -> int:
    kind = _node(answer, words[0])["type"]
    print(f"The node {words[0]}'s type: {kind}" if human else kind)
    return YES


def _nodeweight(answer: dict[str, Any], words: list[str], human: bool) -> int:
    _node(answer, words[0])
    print(f"The weight of the cluster node {words[0]} is 100" if human else "100")
    return YES


def _nodesite(answer: dict[str, Any], words: list[str], human: bool) -> int:
    _node(answer, words[0])
    print(f"The site of the cluster node {words[0]} is " if human else "")
    return YES


def _listhblinks(answer: dict[str, Any], words: list[str], human: bool) -> int:
    words = sorted(words, key=lambda word: word == "-v")  # it may stand before the node, too
    if words[0].lower() not in answer["nodes"]:
        raise Refused(f"there is no node {words[0]}", UNKNOWN_LINK)
    if human:
        print(f"\t{LINKS_HEAD}")
    for link, state in _last_first(_node(answer, words[0])["links"]):
        print(f"\t{link}\t{state}" if "-v" in words else f"\t{link}")
    return YES


def _hblinkstatus(answer: dict[str, Any], words: list[str], human: bool) -> int:
    links = answer["nodes"].get(words[0].lower(), {"links": {}})["links"]
    if words[1] not in links:
        raise Refused(f"node {words[0]} has no link {words[1]}", UNKNOWN_LINK)
    state = links[words[1]]
    print(f"The node {words[0]}'s heartbeat link {words[1]} is {state}" if human else state)
    return YES if state == "up" else NO


def _clientstatus(answer: dict[str, Any], words: list[str], human: bool) -> int:
    client_name = words[1]
    if words[0].lower() not in answer["nodes"]:
        raise Refused(f"there is no node {words[0]} that could answer", NO_ANSWER)
    online = client_name in _node(answer, words[0])["clients"]
    print("online" if online else "offline")
    return YES if online else OFFLINE


def _rscstatus(answer: dict[str, Any], words: list[str], human: bool) -> int:
    status = answer["resources"]["status"]
    print(f"This node is holding {status} resources." if human else status)
    return YES


def _hbparameter(answer: dict[str, Any], words: list[str], human: bool) -> int:
    name = words[words.index("-p") + 1] if "-p" in words else words[0]
    value = answer["parameters"].get(name)
    if value is None:
        print(f"cl_status: {name} is not set", file=sys.stderr)
        return NO
    print(f"Heartbeat parameter {name}'s value: {value}" if human else value)
    return YES


COMMANDS: dict[str, Callable[[dict[str, Any], list[str], bool], int]] = {
    "listnodes": _listnodes,
    "nodestatus": _nodestatus,
    "nodetype": _nodetype,
    "nodeweight": _nodeweight,
    "nodesite": _nodesite,
    "listhblinks": _listhblinks,
    "hblinkstatus": _hblinkstatus,
    "clientstatus": _clientstatus,
    "rscstatus": _rscstatus,
    "hbparameter": _hbparameter,
}
