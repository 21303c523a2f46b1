"""A PNG writer on all cores: row filters, deflate in bands of rows, and the choice between them."""
