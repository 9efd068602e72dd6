# 1. The server answers, and its certificate is trusted.
curl --fail --silent --show-error "https://$ARGOCD_SERVER/api/version"

# 2. The token is somebody: without "loggedIn": true it is expired, revoked or empty.
argocd account get-user-info -o json | grep '"loggedIn": true'

# 3. The token may read the application and its project: two times yes.
argocd account can-i get applications "$ARGOCD_PROJECT/$ARGOCD_APP_NAME" | grep --line-regexp yes
argocd account can-i get projects "$ARGOCD_PROJECT" | grep --line-regexp yes

# 4. The token may do nothing else: no.
argocd account can-i delete applications "$ARGOCD_PROJECT/$ARGOCD_APP_NAME" | grep --line-regexp no

# 5. The application exists, and Argo CD can compare it with git.
argocd app get "$ARGOCD_APP_NAME" --refresh -o json > application.json
grep '"syncPolicy"' application.json

# 6. The release job's own command says what the job would say.
argocd-release
