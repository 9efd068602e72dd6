version=0.1.0
image="registry.example.com/platform/argocd-release:$version"
cosign verify --key cosign.pub --private-infrastructure "$image"
