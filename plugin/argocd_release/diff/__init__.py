"""Show what a merge request would change in the cluster, before it is merged."""
