curl --fail --silent --show-error "https://$ARGOCD_SERVER/api/version"
