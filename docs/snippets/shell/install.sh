git clone https://upstream.example.com/platform/argocd-release.git && cd argocd-release
export GITLAB_TOKEN
read -rs GITLAB_TOKEN
