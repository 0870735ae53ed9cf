"""extract_and_classify in Python, against the same tables, bucket and queue as the Go worker.

It is a reference, small enough to read: it reads plain text, and files a document under each topic whose name stands in it. What
matters is what it shares with the Go side: the columns it reads and writes, the object keys it follows, the result it returns.
It never writes a column that the Python models do not have (attempts, task_id, …): the database has defaults for those.
"""

import os
import re
from contextlib import contextmanager

import boto3
import psycopg2
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from celery_app import app

READABLE = {"text/plain", "text/markdown", "text/csv", "application/json"}


@contextmanager
def database():
    # psycopg2 knows no driver suffix; the same DATABASE_URL serves SQLAlchemy and us.
    connection = psycopg2.connect(re.sub(r"^postgresql\+\w+://", "postgresql://", os.environ["DATABASE_URL"]))
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def storage():
    scheme = "https" if os.environ.get("MINIO_SECURE", "false").lower() == "true" else "http"
    return boto3.client(
        "s3",
        endpoint_url=f"{scheme}://{os.environ['MINIO_ENDPOINT']}",
        aws_access_key_id=os.environ["MINIO_ACCESS_KEY"],
        aws_secret_access_key=os.environ["MINIO_SECRET_KEY"],
        region_name=os.environ.get("MINIO_REGION", "us-east-1"),
        config=Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=30, retries={"max_attempts": 2}),
    )


class Unavailable(Exception):
    """Storage cannot answer now."""


class DocumentTask(app.Task):
    def on_failure(self, exc, task_id, args, kwargs, einfo):
        """The last try is over and nobody comes back to the document: it must not stay pending."""
        document_id = args[0] if args else kwargs["document_id"]
        with database() as cursor:
            cursor.execute("UPDATE documents SET status = 'failed' WHERE id = %s AND status NOT IN ('ready', 'failed')", (document_id,))


@app.task(
    base=DocumentTask,
    name="tasks.document_tasks.extract_and_classify",
    autoretry_for=(psycopg2.OperationalError, BotoCoreError, Unavailable),
    retry_backoff=True,
    retry_backoff_max=600,
    max_retries=int(os.environ.get("DOCUMENT_MAX_RETRIES", "10")),
)
def extract_and_classify(document_id):
    with database() as cursor:
        cursor.execute("SELECT user_id, object_key, content_type, status FROM documents WHERE id = %s", (document_id,))
        row = cursor.fetchone()
        if row is None:
            return {"document_id": document_id, "status": "missing", "topics": []}
        user_id, object_key, content_type, status = row
        if status in ("ready", "failed"):
            return {"document_id": document_id, "status": status, "topics": topics_of(cursor, document_id)}

    text = read(object_key) if content_type in READABLE else None
    with database() as cursor:
        if text is None:
            cursor.execute("UPDATE documents SET status = 'failed' WHERE id = %s", (document_id,))
            return {"document_id": document_id, "status": "failed", "topics": []}
        cursor.execute("UPDATE documents SET extracted_text = %s, status = 'ready' WHERE id = %s", (text, document_id))
        cursor.execute("SELECT id, name FROM topics WHERE user_id IS NOT DISTINCT FROM %s", (user_id,))
        for topic_id, name in cursor.fetchall():
            if name.lower() in text.lower():
                cursor.execute(
                    "INSERT INTO document_topics (document_id, topic_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (document_id, topic_id),
                )
        return {"document_id": document_id, "status": "ready", "topics": topics_of(cursor, document_id)}


def read(object_key):
    """Returns the object's text, or None if there is no such object."""
    try:
        body = storage().get_object(Bucket=os.environ.get("MINIO_BUCKET", "docuvault"), Key=object_key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise Unavailable("storage answers " + error.response["Error"]["Code"]) from error
        raise
    return body.decode("utf-8", errors="replace").replace("\x00", "")


def topics_of(cursor, document_id):
    cursor.execute(
        "SELECT t.name FROM document_topics d JOIN topics t ON t.id = d.topic_id WHERE d.document_id = %s ORDER BY t.name",
        (document_id,),
    )
    return [name for (name,) in cursor.fetchall()]
