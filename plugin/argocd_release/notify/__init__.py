"""Telling others how a release ended; a sink that fails changes no verdict."""
