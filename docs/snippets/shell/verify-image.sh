version=0.1.0
image="registry.example.com/platform/argocd-release:$version"
issuer=https://gitlab.example.com
identity="$issuer/platform/argocd-release//.gitlab-ci.yml@refs/tags/$version"
cosign verify --certificate-identity "$identity" --certificate-oidc-issuer "$issuer" "$image"
cosign verify-attestation --type spdxjson \
  --certificate-identity "$identity" --certificate-oidc-issuer "$issuer" "$image"
