# The reference worker of docs/python-worker, which is the build context.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm
FROM ${PYTHON_IMAGE}
WORKDIR /srv/app
COPY . .
# An image that brings the libraries needs no package index.
RUN python3 -c 'import boto3, celery, psycopg2, redis' 2>/dev/null || pip install --no-cache-dir -r requirements.txt
USER 65532:65532
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
CMD ["python3", "-m", "celery", "-A", "celery_app", "worker", "--loglevel=info", "-Q", "documents"]
