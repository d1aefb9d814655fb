"""A small project with the shallow endpoints of Django's health packages."""

SECRET_KEY = "for a benchmark"  # noqa: S105 - it signs nothing
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
INSTALLED_APPS = [
    "django_alive",
    "django_deploy_probes",
    "dockerflow.django",
    "health_check",
    "watchman",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "dockerflow.django.middleware.DockerflowMiddleware",
]
ROOT_URLCONF = "benchmarks.rivals.urls_peers"
TIME_ZONE = "UTC"
