"""The judge: what is seen of an application becomes a verdict. Pure."""
