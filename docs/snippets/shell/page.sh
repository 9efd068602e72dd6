argocd-release page argocd-release.json
