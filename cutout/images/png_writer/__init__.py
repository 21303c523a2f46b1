"""A PNG writer on all cores: row filters, deflate in chunks, and the choice between them."""
