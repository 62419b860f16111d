"""A folder with the files of a cluster -> what each node is configured to do.

The folder holds one ha.cf, haresources, authkeys and ldirectord.cf for all nodes, or one folder per node, named after
it, with its own four.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from hbeat.adapters.yaml_file import read_entries
from hbeat.config import errors as hbeat_errors
from hbeat.config.authkeys import parse_authkeys
from hbeat.config.ha_cf import parse_ha_cf
from hbeat.config.ha_config import HaConfig
from hbeat.config.haresources import parse_haresources
from hbeat.config.hbeat_yaml import parse_settings
from hbeat.core.model import NodeName, ResourceGroup, Sessions
from ldirector.config import errors as ldirector_errors
from ldirector.config.director_config import DirectorConfig
from ldirector.config.expand import Names
from ldirector.load import read as read_director
from ldirector.load import settings_beside

DEFAULT_DIRECTOR_FILE = "ldirectord.cf"
KEYFILE_MODE = 0o600
"""A checkout cannot keep this mode; where the files are installed it is checked by hbeat itself."""


class ClusterFilesError(Exception):
    """The files cannot be used; the text has one finding a line."""


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """One node's files, read. ha_cf: the text behind `ha`. directors: by the file name that haresources gives.

    director_texts: what those were read from, by the same names. sessions: of hbeat.yaml.
    """

    name: NodeName
    folder: Path
    ha_cf: str
    ha: HaConfig
    groups: tuple[ResourceGroup, ...]
    directors: Mapping[str, DirectorConfig]
    director_texts: Mapping[str, str] = field(default_factory=dict)
    sessions: Sessions = field(default_factory=Sessions)


@dataclass(frozen=True, slots=True)
class ClusterFiles:
    """All nodes in the order of the first ha.cf. one_for_all: they share one folder."""

    nodes: tuple[NodeFiles, ...]
    one_for_all: bool
    warnings: tuple[str, ...]

    @property
    def groups(self) -> tuple[ResourceGroup, ...]:
        return self.nodes[0].groups

    @property
    def directors(self) -> tuple[DirectorConfig, ...]:
        return tuple(self.nodes[0].directors.values())


def read_cluster(folder: Path, names: Names, overrides: Mapping[str, str] | None = None) -> ClusterFiles:
    """Read and check every file under `folder`, with these directives of ha.cf set to other values.

    Raises ClusterFilesError with all findings.
    """
    one_for_all = (folder / "ha.cf").is_file()
    if one_for_all:
        folders = [folder]
    else:
        folders = sorted(path.parent for path in folder.glob("*/ha.cf"))
    if not folders:
        raise ClusterFilesError(f"{folder}: no ha.cf in it; give a folder with ha.cf, or with one folder per node")
    reader = _Reader(names, overrides or {})
    read = {path: reader.node(path.name, path, None if one_for_all else path.name) for path in folders}
    reader.stop_on_errors()
    nodes = [node for node in read.values() if node]
    order = nodes[0].ha.nodes
    if one_for_all:
        nodes = [replace(nodes[0], name=name) for name in order]
    else:
        for name in sorted(set(order) - {node.name for node in nodes}):
            reader.errors.append(f"{folder}: no folder for node {name}; make {folder / name} with its four files")
        nodes.sort(key=lambda node: order.index(node.name) if node.name in order else len(order))
        reader.compare(nodes)
    if len(order) < 2:
        reader.errors.append(f"{nodes[0].folder / 'ha.cf'}: a single node; name the other one in a node line, too")
    reader.stop_on_errors()
    return ClusterFiles(tuple(nodes), one_for_all, tuple(dict.fromkeys(reader.warnings)))


def overridden(ha_cf: str, overrides: Mapping[str, str]) -> str:
    """The text with these directives set to other values; timers that follow from a new deadtime get their defaults."""
    gone = set(overrides) | ({"warntime", "initdead", "deadping"} if "deadtime" in overrides else set())
    # An emptied line keeps the numbers of the others.
    kept = ["" if line.split()[:1] and line.split()[0] in gone else line for line in ha_cf.split("\n")]
    return "\n".join(kept + [f"{name} {value}" for name, value in overrides.items()])


class _Reader:
    """Parses files and collects what was found."""

    def __init__(self, names: Names, overrides: Mapping[str, str]) -> None:
        self._names = names
        self._overrides = overrides
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def stop_on_errors(self) -> None:
        if self.errors:
            raise ClusterFilesError("\n".join(dict.fromkeys(self.errors)))

    def node(self, name: str, folder: Path, own_name: str | None) -> NodeFiles | None:
        """The node's files, None after an error in one of them."""
        ha_cf = overridden(self._text(folder / "ha.cf"), self._overrides)
        try:
            ha = parse_ha_cf(ha_cf, str(folder / "ha.cf"), own_name=own_name)
            self.warnings += map(str, ha.warnings)
        except hbeat_errors.ConfigError as error:
            self.errors.append(str(error))
            ha = None
        self._authkeys(folder / "authkeys")
        if ha is None:
            return None
        path = folder / "haresources"
        try:
            groups = parse_haresources(self._text(path), str(path), ha.nodes)
        except hbeat_errors.ConfigError as error:
            self.errors.append(str(error))
            return None
        directors: dict[str, DirectorConfig] = {}
        texts: dict[str, str] = {}
        for resource in (resource for group in groups for resource in group.resources):
            if resource.script == "ldirectord":
                file = resource.arguments[0] if resource.arguments else DEFAULT_DIRECTOR_FILE
                texts[file] = self._text(folder / file)
                self._director(folder / file, texts[file], file, directors)
        return NodeFiles(name.lower(), folder, ha_cf, ha, groups, directors, texts, self._sessions(folder))

    def compare(self, nodes: list[NodeFiles]) -> None:
        """What should be the same on all nodes and is not."""
        for node in nodes[1:]:
            for file in ("haresources", "authkeys"):
                if (node.folder / file).read_text() != (nodes[0].folder / file).read_text():
                    self.warnings.append(
                        f"{node.folder / file}: differs from {nodes[0].folder / file}; make them equal"
                    )

    def _text(self, path: Path) -> str:
        try:
            return path.read_text(errors="surrogateescape")
        except OSError as error:
            self.errors.append(f"{path}: cannot be read ({error.strerror}); every node needs this file")
            return ""

    def _authkeys(self, path: Path) -> None:
        try:
            self.warnings += map(str, parse_authkeys(self._text(path), str(path), KEYFILE_MODE).warnings)
        except hbeat_errors.ConfigError as error:
            self.errors.append(str(error))

    def _sessions(self, folder: Path) -> Sessions:
        path = folder / "hbeat.yaml"
        if path.exists():
            try:
                return parse_settings(read_entries(self._text(path), str(path)), str(path)).sessions
            except hbeat_errors.ConfigError as error:
                self.errors.append(str(error))
        return Sessions()

    def _director(self, path: Path, text: str, file: str, directors: dict[str, DirectorConfig]) -> None:
        try:
            beside = settings_beside(path)
            settings = self._text(beside) if beside.exists() else ""
            directors[file] = read_director(text, settings, path, self._names)
            self.warnings += map(str, directors[file].warnings)
        except ldirector_errors.ConfigError as error:
            self.errors.append(str(error))
