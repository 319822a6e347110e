"""How many callers will come, and how many agents that takes: forecast, Erlang-A, simulation."""
