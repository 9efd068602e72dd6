argocd-release doctor
