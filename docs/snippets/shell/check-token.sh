argocd account get-user-info
argocd account can-i get applications gitops-poc-dzha/sentry-frontend-dev
argocd account can-i get projects gitops-poc-dzha
