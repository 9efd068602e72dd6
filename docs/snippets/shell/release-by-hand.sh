export ARGOCD_SERVER=argocd.example.com ARGOCD_OPTS=--grpc-web
read -rs ARGOCD_AUTH_TOKEN && export ARGOCD_AUTH_TOKEN
ARGOCD_APP_NAME=sentry-frontend-dev argocd-release
