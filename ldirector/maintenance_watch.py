"""Which reals the operator has taken out of service: maintenancedir of the configuration in force."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from ldirector.adapters.maintenance_dir import MaintenanceDir
from ldirector.config.director_config import DirectorConfig
from ldirector.core.maintenance import in_maintenance
from ldirector.core.model import Member


class MaintenanceWatch:
    """changed() is called in the loop when `members` may give another answer; warn gets words for the operator."""

    def __init__(self, changed: Callable[[], None], warn: Callable[[str], None]) -> None:
        self._changed = changed
        self._warn = warn
        self._path = ""
        self._folder: MaintenanceDir | None = None
        self._files: Collection[str] = ()
        self._names: Mapping[str, str | None] = {}
        self._strangers: tuple[str, ...] = ()

    async def configure(self, config: DirectorConfig) -> None:
        """Look into this configuration's folder from now on; returns when what is in it is known."""
        addresses = {real.key.address for virtual in config.virtuals for real in virtual.reals}
        if self._folder and self._path == config.maintenancedir:
            self._folder.watch(addresses)
            return
        await self.close()
        self._path, self._files, self._names = config.maintenancedir, (), {}
        if self._path:
            self._folder = MaintenanceDir(Path(self._path), addresses, self._told, self._warn)
            await self._folder.start()

    def members(self, config: DirectorConfig) -> Collection[Member]:
        """Who is out of service now. Files that name nobody are said once."""
        found = in_maintenance(config.virtuals, self._files, self._names)
        if found.strangers != self._strangers:
            self._strangers = found.strangers
            if found.strangers:
                self._warn(f"maintenancedir {self._path}: no real server is called {', '.join(found.strangers)}")
        return found.members.keys()

    async def close(self) -> None:
        if self._folder:
            await self._folder.close()
            self._folder = None

    def _told(self, files: Collection[str], names: Mapping[str, str | None]) -> None:
        self._files, self._names = files, names
        self._changed()
