"""The image, run by podman with no right that it does not need."""

NAME = "petsage.example"
RELEASE = "t1"
