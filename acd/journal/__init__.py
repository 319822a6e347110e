"""The journal: every fact once, in order, in Redis Streams; what is kept of it; and who may order."""
