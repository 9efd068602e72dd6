"""Run the command line with ``python -m argocd_release``."""

from argocd_release.cli.main import main

if __name__ == "__main__":
    main()
