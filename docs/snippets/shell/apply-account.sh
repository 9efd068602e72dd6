kubectl patch configmap argocd-cm -n argocd --type merge --patch-file argocd-cm.yaml
kubectl patch configmap argocd-rbac-cm -n argocd --type merge --patch-file argocd-rbac-cm.yaml
