"""What the cluster needs of the configuration."""

from __future__ import annotations

from hbeat.agents.hooks import find_hooks
from hbeat.core.auth import Keyring
from hbeat.core.hello import Files
from hbeat.core.outbox import Identity
from hbeat.core.settings import Settings
from hbeat.load import Configuration


def settings_of(config: Configuration, me: Identity, files: Files) -> Settings:
    """The settings of a node that is called and numbered `me`; files: digests of what both nodes should have alike."""
    return Settings(
        me=me,
        nodes=config.ha.nodes,
        links=tuple(dict.fromkeys(medium.interface for medium in config.ha.media)),
        timing=config.ha.timing,
        failback=config.ha.auto_failback,
        groups=config.groups,
        rexmit_delay=config.ha.max_rexmit_delay,
        inner_signature=config.ha.msgfmt == "classic",
        log_badpack=config.ha.log_badpack,
        hooks=find_hooks(),
        pings=tuple(ping.node for ping in config.ha.ping_nodes),
        ipfail=config.ha.ipfail,
        files=files,
        safety=config.safety,
        sessions=config.sessions,
    )


def keyring_of(config: Configuration) -> Keyring:
    """The keys of authkeys and the one that signs."""
    return Keyring(config.keys.active, config.keys.keys)
