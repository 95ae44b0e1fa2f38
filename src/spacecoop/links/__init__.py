"""Links to Wikidata: the mapping set, what Wikidata says of its items, candidates, and a person's decisions."""
