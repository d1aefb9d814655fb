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
    except ImproperlyConfigured as error:
        # A wrong setting is the reader's to mend: the sentence helps, a traceback does not.
        sys.exit(f"ImproperlyConfigured: {error}")


if __name__ == "__main__":
    main()
