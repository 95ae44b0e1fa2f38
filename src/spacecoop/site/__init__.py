"""What makes the dataset found, fetched and followed: description, dumps, feed, negotiation, preflight."""
