"""HTTP: the API, live updates, figures for monitoring, and the wallboard's files."""
