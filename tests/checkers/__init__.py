"""Every health checker, run for real against the real stack."""

from pathlib import Path

RECIPES = Path(__file__).resolve().parents[2] / "docs/health-checkers"

# In the recipes: the site's name, the addresses of its machines, and its release.
NAME = "petsage.example"
ADDRESSES = ("192.0.2.11", "192.0.2.12")
RELEASE = "0123456789ab"
