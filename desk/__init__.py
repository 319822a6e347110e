"""What the office keeps: tickets with their recordings, calls, customers' languages, audit."""
