"""The data types of the product, and the ports through which it reads Argo CD, git and the clock."""
