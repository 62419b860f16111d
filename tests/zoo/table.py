"""Every animal of the zoo."""

from __future__ import annotations

from tests.zoo import http_peers, https_peers, line_peers, message_peers

ANIMALS = [*http_peers.ANIMALS, *https_peers.ANIMALS, *line_peers.ANIMALS, *message_peers.ANIMALS]
