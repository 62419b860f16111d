"""haresources text -> resource groups, in file order (reference section 6.1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from hbeat.config.errors import Problems
from hbeat.config.lines import numbered_lines
from hbeat.core.builtin import PARSERS
from hbeat.core.model import NodeName, Resource, ResourceGroup

_BARE_ADDRESS = re.compile(r"\d+\.[\d.]+(/.*)?", re.ASCII)


def parse_haresources(text: str, file: str, nodes: Collection[NodeName]) -> tuple[ResourceGroup, ...]:
    """Read the text of haresources. `nodes` are ha.cf's; `file` is how messages name it. Raises ConfigError."""
    problems = Problems(file)
    groups: list[ResourceGroup] = []
    line_of_key: dict[str, int] = {}
    for number, line in _logical_lines(text, problems):
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


def _logical_lines(text: str, problems: Problems) -> Iterator[tuple[int, str]]:
    """(number of its first line, text) with comments cut and lines that end in a backslash joined."""
    joined, first = "", 0
    for number, raw in numbered_lines(text, problems):
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
    resource = _split(word, number)
    try:
        _check(resource)
    except ValueError as error:
        what, _, cure = str(error).rpartition("; ")
        problems.error(number, what, cure)
    return resource


def parse_resource(word: str) -> Resource:
    """One resource as it is written in haresources. Raises ValueError with what is wrong and the cure."""
    resource = _split(word, 0)
    _check(resource)
    return resource


def _split(word: str, line: int) -> Resource:
    """The parts of a resource, whatever they are."""
    if _BARE_ADDRESS.fullmatch(word):
        return Resource(word, "IPaddr", (word,), line)
    script, *arguments = word.split("::")
    return Resource(word, script, tuple(arguments), line)


def _check(resource: Resource) -> None:
    """Raises ValueError, what is wrong and the cure parted by "; "."""
    if not resource.script or "/" in resource.script:
        raise ValueError(f"{resource.text} does not begin with the name of a script; write SCRIPT::ARGUMENT")
    if resource.script in PARSERS:
        try:
            PARSERS[resource.script](resource.arguments)
        except ValueError as error:
            raise ValueError(f"{resource.text}: {error}") from None
