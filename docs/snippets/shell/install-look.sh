bin/install --gitlab https://gitlab.example.com --project platform/argocd-release --allow team-a --dry-run
