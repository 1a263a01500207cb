"""Shared helpers of the study: small rooms, one direction of flow, nothing happens at import."""

__version__ = "0.1.0"
