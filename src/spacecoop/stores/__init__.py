"""Triple stores: what they are, what they change, how they are reached, and what is compared with them."""
