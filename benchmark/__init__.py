"""argocd-release beside the script that teams write by hand: the same scenarios, the same sandbox, one run."""
