docker run --rm -e ARGOCD_SERVER -e ARGOCD_OPTS -e ARGOCD_AUTH_TOKEN -e ARGOCD_APP_NAME registry.example.com/platform/argocd-release:0.2.0
