"""Serve a built dataset: its files as the negotiation rules say, and SPARQL 1.1 Protocol, read-only."""
