"""YAML text -> config/tree.py: the only file of this package that names the yaml library.

Loaded as data (no objects are made), each value with its line. Two things are refused while the text is still a stream
of events, because no setting needs them: aliases, with which a text of a few lines can stand for gigabytes, and deep
nesting, which costs the library seconds or, from some ten thousand levels on, the process.
"""

from __future__ import annotations

import re

import yaml

from hbeat.config.errors import ConfigError, Problem, Severity
from hbeat.config.tree import NOTHING, Item, Scalar

DEEPEST = 10
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # YAML 1.1, 5.1
_MANUAL = "see HBEAT.YAML in man hbeat"
_SCALARS = {"tag:yaml.org,2002:str", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool"}
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_tree(text: str, file: str) -> Item:
    """The document; NOTHING for an empty one. Raises ConfigError with file and line.

    text: bytes that are not UTF-8 are surrogates in it (U+DC80 and up).
    """
    if found := _NOT_TEXT.search(text):
        raise _refused(file, text.count("\n", 0, found.start()) + 1, _no_text(found[0]))
    try:
        _look_over(text, file)
        loader = _LOADER(text)
        try:
            node = loader.get_single_node()
            return _item(node, loader, file) if node else NOTHING
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise _refused(file, line, f"this is no YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError, LookupError, OverflowError) as error:  # a tag may not fit its value
        raise _refused(file, 0, f"this is no YAML: {' '.join(str(error).split())[:100]}") from None


def _look_over(text: str, file: str) -> None:
    """Refuse what must not be loaded."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise _refused(file, line, "an alias (*) stands here")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            raise _refused(file, line, "values are nested too deeply")


def _no_text(character: str) -> str:
    """Why this character refuses the file."""
    code = ord(character)
    if code == 0:
        return "a NUL byte stands here, so this is no text file"
    if 0xDC80 <= code <= 0xDCFF:
        return f"the byte 0x{code - 0xDC00:02x} stands here, which is not UTF-8; save the file as UTF-8"
    return f"the control character U+{code:04X} stands here, remove it"


def _item(node: yaml.Node, loader: yaml.SafeLoader, file: str) -> Item:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        entries: dict[str, Item] = {}
        for key_node, value_node in node.value:
            key_line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refused(file, key_line, "a key must be plain text")
            if key_node.value in entries:
                raise _refused(file, key_line, f"{key_node.value!r} is there twice")
            value = _item(value_node, loader, file)
            entries[key_node.value] = Item(value.value, key_line)
        return Item(entries, line)
    if isinstance(node, yaml.SequenceNode):
        return Item([_item(each, loader, file) for each in node.value], line)
    if node.tag not in _SCALARS and node.tag != "tag:yaml.org,2002:null":
        return Item(str(node.value), line)
    scalar: Scalar = loader.construct_object(node)
    if isinstance(scalar, int) and abs(scalar) >= 1 << 63:
        return Item(str(node.value), line)  # no setting is that large, and its digits would be too many to print
    return Item(scalar, line)


def _refused(file: str, line: int, what: str, cure: str = _MANUAL) -> ConfigError:
    return ConfigError([Problem(file, line, Severity.ERROR, what, cure)])
