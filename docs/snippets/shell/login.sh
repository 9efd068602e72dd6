password=$(kubectl get secret argocd-initial-admin-secret -n argocd -o jsonpath='{.data.password}' | base64 -d)
argocd login "$ARGOCD_SERVER" --grpc-web --username admin --password "$password"
