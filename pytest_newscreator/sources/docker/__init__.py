"""Dockerfiles and what a build leaves out."""
