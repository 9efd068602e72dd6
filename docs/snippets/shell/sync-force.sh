argocd app sync "$ARGOCD_APP_NAME" --force --resource apps:Deployment:sentry-frontend
