"""The data types of the product, and the interfaces through which it reads Argo CD, git and the clock."""
