"""hbeat.yaml's text -> its entries: the only file of this package that names the yaml library.

The file is one mapping of names to plain values, so it is read as the stream of events it is parsed into: whatever is
nested, repeated by an alias or an object of some kind is refused where it begins, before anything is made of it.
"""

from __future__ import annotations

import yaml

from hbeat.config.errors import ConfigError, Problem, Problems, Severity
from hbeat.config.hbeat_yaml import Entry
from hbeat.config.lines import numbered_lines

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORM = "write settings as name: value, see HBEAT.YAML in man hbeat"
_FRAME = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


def read_entries(text: str, file: str) -> tuple[Entry, ...]:
    """The settings in their order, nothing for an empty file. Raises ConfigError with file and line."""
    problems = Problems(file)
    for _ in numbered_lines(text, problems):
        continue
    problems.raise_errors()
    try:
        return _entries(text, file)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = f"this is no YAML: {error.problem or error.context}"
        raise _refused(file, mark.line + 1 if mark else 0, what) from None
    except (yaml.YAMLError, ValueError) as error:  # bytes that are no UTF-8 are surrogates here
        raise _refused(file, 0, f"this is no YAML: {' '.join(str(error).split())[:100]}") from None


def _entries(text: str, file: str) -> tuple[Entry, ...]:
    entries: dict[str, Entry] = {}
    inside, key = False, None
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 0
        match event:
            case yaml.MappingStartEvent() if not inside and not entries:
                inside = True
            case yaml.MappingEndEvent():
                inside = False
            case yaml.ScalarEvent() if inside and key is None:
                if event.value in entries:
                    raise _refused(file, line, f"{event.value!r} is there twice")
                key = Entry(event.value, "", line)
            case yaml.ScalarEvent() if key is not None:
                entries[key.name] = key._replace(text=event.value)
                key = None
            case yaml.ScalarEvent(value=""):  # an empty document
                continue
            case _ if not isinstance(event, _FRAME):
                where = f"{key.name}: " if key else ""
                raise _refused(file, line, f"{where}a plain value is expected here")
    return tuple(entries.values())


def _refused(file: str, line: int, what: str) -> ConfigError:
    return ConfigError([Problem(file, line, Severity.ERROR, what, _FORM)])
