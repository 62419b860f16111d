"""Resource agents: what a `RunResource` means for each kind of resource, one file per kind.

`roster` chooses: a resource built in by its name, else a script, an OCF agent or a systemd unit (`lookup`). What is
done through netlink is done at once; what takes time is an `Operation` that the loop watches.
"""
