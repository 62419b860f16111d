"""migration: hbeat-migrate, which checks and rehearses the configuration of an Ultra Monkey cluster."""
