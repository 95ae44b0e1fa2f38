"""What programs harvest: the dataset's description, dumps, change feed, documents and rules for web servers."""
