"""What an installation runs beside its own processes: Asterisk and Redis, with their secrets and files."""
