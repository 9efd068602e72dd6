image=registry.example.com/platform/argocd-release:0.1.0
project=https://gitlab.example.com/platform/argocd-release
identity="$project//.gitlab-ci.yml@refs/tags/0.1.0"
cosign verify --certificate-identity "$identity" --certificate-oidc-issuer https://gitlab.example.com "$image"
cosign verify-attestation --type spdxjson \
  --certificate-identity "$identity" --certificate-oidc-issuer https://gitlab.example.com "$image"
