export ARGOCD_SERVER=argocd.example.com ARGOCD_OPTS=--grpc-web ARGOCD_APP_NAME=sentry-frontend-dev
read -rs ARGOCD_AUTH_TOKEN && export ARGOCD_AUTH_TOKEN
