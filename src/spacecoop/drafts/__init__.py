"""Texts in, proposals for fact files out, by rules that a curator can read."""
