"""What people read: the pages of the published site."""
