argocd account generate-token --account ci-readonly --id gitlab --expires-in 90d
