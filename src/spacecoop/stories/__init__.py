"""Accounts of one matter in several articles, grouped and compared."""
