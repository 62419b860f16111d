"""hbeat: the successor of Linux-HA heartbeat (haresources mode)."""

__version__ = "0.1.0"
