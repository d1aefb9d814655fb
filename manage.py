#!/usr/bin/env python
"""Django's command-line utility for PetSage."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError as error:
        sys.exit(f"{error}. Run 'make install', then '.venv/bin/python manage.py ...'.")
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, OSError) as error:
        # The reader can fix a setting or a directory: the sentence helps, a traceback does not.
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        # For the probe, 1 would mean that the site failed.
        sys.exit(3 if sys.argv[1:2] == ["smoke_test"] else 1)


if __name__ == "__main__":
    main()
