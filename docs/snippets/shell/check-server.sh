argocd version --short
