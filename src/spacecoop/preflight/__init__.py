"""Judge a built dataset as each aggregator would, rule by rule, before it is published."""
