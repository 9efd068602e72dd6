argocd account get --account ci-readonly
argocd account delete-token --account ci-readonly gitlab
