"""ldirector: the successor of ldirectord; checks real servers and writes the kernel's IPVS table."""
