"""haresources text -> resource groups, in file order (reference section 6.1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from hbeat.config.errors import Problems
from hbeat.core.builtin import PARSERS
from hbeat.core.model import NodeName, Resource, ResourceGroup

_BARE_ADDRESS = re.compile(r"\d+\.[\d.]+(/.*)?", re.ASCII)


def parse_haresources(text: str, file: str, nodes: Collection[NodeName]) -> tuple[ResourceGroup, ...]:
    """Read the text of haresources. `nodes` are ha.cf's; `file` is how messages name it. Raises ConfigError."""
    problems = Problems(file)
    groups: list[ResourceGroup] = []
    line_of_key: dict[str, int] = {}
    for number, line in _logical_lines(text):
        words = line.split()
        if not words:
            continue
        node = words[0].lower()
        if node not in nodes:
            problems.error(
                number,
                f"bad nodename {words[0]}",
                f"a line begins with a node of ha.cf: {', '.join(sorted(nodes)) or 'none is known'}",
            )
            continue
        if len(words) == 1:
            problems.error(number, f"{words[0]} has no resources", "add them behind the name, or drop the line")
            continue
        group = ResourceGroup(node, tuple(_resource(word, number, problems) for word in words[1:]))
        if group.key in line_of_key:
            problems.error(
                number,
                f"the group {group.key} is already in line {line_of_key[group.key]}",
                "begin each group with another resource: the first one is the group's name",
            )
            continue
        line_of_key[group.key] = number
        groups.append(group)
    problems.raise_errors()
    return tuple(groups)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, text) with comments cut and lines that end in a backslash joined."""
    joined, first = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.partition("#")[0].rstrip()
        first = first or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        yield first, joined + line
        joined, first = "", 0
    if joined:
        yield first, joined


def _resource(word: str, number: int, problems: Problems) -> Resource:
    if _BARE_ADDRESS.fullmatch(word):
        resource = Resource(word, "IPaddr", (word,), line=number)
    else:
        script, *arguments = word.split("::")
        resource = Resource(word, script, tuple(arguments), line=number)
    if not resource.script or "/" in resource.script:
        problems.error(number, f"{word} does not begin with the name of a script", "write SCRIPT::ARGUMENT")
    elif resource.script in PARSERS:
        try:
            PARSERS[resource.script](resource.arguments)
        except ValueError as error:
            what, _, cure = str(error).rpartition("; ")
            problems.error(number, f"{resource.text}: {what}", cure)
    return resource
