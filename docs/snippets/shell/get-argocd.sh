docker create --name argocd-release registry.example.com/platform/argocd-release:0.2.0
docker cp argocd-release:/usr/local/bin/argocd argocd
docker rm argocd-release
./argocd version --client --short
