"""The WSGI application that the app server serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "petsage_project.settings")

application = get_wsgi_application()
