argocd app get "$ARGOCD_APP_NAME" --refresh --show-operation
argocd app resources "$ARGOCD_APP_NAME"
