argocd account get-user-info
argocd account can-i get applications "gitops-poc-dzha/$ARGOCD_APP_NAME"
argocd account can-i get projects gitops-poc-dzha
