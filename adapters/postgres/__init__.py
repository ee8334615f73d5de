"""PostgreSQL: our own server, the event log, the views, the meter."""
