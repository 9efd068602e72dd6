argocd-release
