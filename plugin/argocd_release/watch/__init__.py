"""Track applications until there is a verdict on each of them."""
