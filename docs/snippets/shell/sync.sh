argocd app sync "$ARGOCD_APP_NAME"
