"""Looking at an application until there is a verdict."""
