"""The distributor as a service: a replica of the engine, facts out, orders in, and the lead."""

from acd.service.service import DistributorService

__all__ = ["DistributorService"]
