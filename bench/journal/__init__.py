"""How fast facts become orders through Redis, and how fast a standby takes over."""
