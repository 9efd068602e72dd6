from=registry.example.com/platform/argocd-release:0.1.0
to=registry.internal.example.com/mirrors/argocd-release:0.1.0
docker pull "$from"
docker tag "$from" "$to"
docker push "$to"
