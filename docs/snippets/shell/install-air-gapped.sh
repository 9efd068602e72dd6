bin/install --gitlab https://gitlab.example.com --allow team-a --image argocd-release.tar --no-catalog
