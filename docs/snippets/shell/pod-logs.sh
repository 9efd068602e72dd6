argocd app logs "$ARGOCD_APP_NAME" --kind Deployment --group apps --name sentry-frontend --previous --tail 50
