"""The image, run by podman with minimal privileges."""

NAME = "petsage.example"
RELEASE = "t1"
