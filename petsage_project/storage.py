"""Static files with names that change with their content, so that browsers can cache them."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class DigestStaticFilesStorage(ManifestStaticFilesStorage):
    """Names contain a digest after `collectstatic` has run, and are unchanged before.

    Before that, Django's own class raises ValueError, even in a clone that only runs checks or
    tests.
    """

    def stored_name(self, name: str) -> str:
        return str(self.hashed_files.get(self.hash_key(self.clean_name(name)), name))
