"""Static files under names that change with their content, so that browsers may keep them."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class DigestStaticFilesStorage(ManifestStaticFilesStorage):
    """Names carry a digest once `collectstatic` has run; until then they are the plain ones.

    Django's own raises ValueError then, also in a clone that is only checked or tested.
    """

    def stored_name(self, name: str) -> str:
        return str(self.hashed_files.get(self.hash_key(self.clean_name(name)), name))
