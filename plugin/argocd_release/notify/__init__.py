"""Notify GitLab about the end of a release, and check the deployed site. A failed notification changes no verdict."""
