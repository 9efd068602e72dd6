version=0.2.0
image="registry.example.com/platform/argocd-release:$version"
cosign verify --key cosign.pub --private-infrastructure "$image"
