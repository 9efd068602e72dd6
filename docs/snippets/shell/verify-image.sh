version=0.2.0
image="registry.example.com/platform/argocd-release:$version"
issuer=https://gitlab.com
identity="$issuer/platform/argocd-release//.gitlab-ci.yml@refs/tags/$version"
cosign verify --certificate-identity "$identity" --certificate-oidc-issuer "$issuer" "$image"
docker buildx imagetools inspect "$image" --format '{{ json .SBOM }}' > sbom.json
docker buildx imagetools inspect "$image" --format '{{ json .Provenance }}' > provenance.json
