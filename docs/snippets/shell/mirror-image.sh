version=0.2.0
from="registry.example.com/platform/argocd-release:$version"
to="registry.internal.example.com/mirrors/argocd-release:$version"
docker pull "$from"
docker tag "$from" "$to"
docker push "$to"
