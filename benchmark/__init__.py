"""Compare argocd-release with the script that teams write by hand, on the same scenarios and the same sandbox."""
