"""Show, before a merge request is merged, which changes it would make in the cluster."""
