"""A project that sends its load balancer to https, for ever."""

from petsage_project.settings import *  # noqa: F403

SECURE_SSL_REDIRECT = True
