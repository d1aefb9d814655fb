"""A project that redirects its load balancer to https forever."""

from petsage_project.settings import *  # noqa: F403

SECURE_SSL_REDIRECT = True
