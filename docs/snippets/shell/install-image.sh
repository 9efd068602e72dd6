docker save --output argocd-release.tar registry.example.com/platform/argocd-release:0.2.0
