"""The judge, which turns the observations of an application into a verdict. Pure."""
