argocd admin settings rbac can role:ci-readonly get applications 'gitops-poc-dzha/sentry-frontend-dev' --namespace argocd
argocd admin settings rbac can role:ci-readonly get projects gitops-poc-dzha --namespace argocd
