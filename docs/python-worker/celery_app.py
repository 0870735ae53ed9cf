"""The Celery app of the Python side, as its workers start it: celery -A celery_app worker --loglevel=info -Q documents"""

import os

from celery import Celery

app = Celery("docuvault", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"], include=["tasks.document_tasks"])
app.conf.update(
    task_routes={"tasks.document_tasks.*": {"queue": "documents"}},
    task_serializer="json",
    accept_content=["json"],
    # A killed worker's task comes back. Without this Celery acknowledges before it runs, and a crash loses the task.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
)
