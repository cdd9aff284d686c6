"""Serves a model over HTTP: pictures in, masks out."""
