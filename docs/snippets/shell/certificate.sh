kubectl get secret argocd-secret -n argocd -o jsonpath='{.data.tls\.crt}' | base64 -d > argocd.crt
