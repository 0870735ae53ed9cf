"""The Python side of the interoperability tests: tasks py.* on queue py; go.* are the Go worker's, on queue go."""
import json
import os
import time

from celery import Celery

SENTINEL = {}
if "MASTER_NAME" in os.environ:
    SENTINEL = {"master_name": os.environ["MASTER_NAME"], "sentinel_kwargs": {"password": os.environ.get("SENTINEL_PASSWORD")}}

app = Celery("interop", broker=os.environ["CELERY_BROKER_URL"], backend=os.environ["CELERY_RESULT_BACKEND"])
app.conf.update(
    task_routes={"py.*": {"queue": "py"}, "go.*": {"queue": "go"}},
    task_acks_late=os.environ.get("ACKS_LATE") == "1",
    task_protocol=int(os.environ.get("TASK_PROTOCOL", "2")),
    worker_prefetch_multiplier=int(os.environ.get("PREFETCH", "4")),
    broker_transport_options=dict(SENTINEL, visibility_timeout=int(os.environ.get("VISIBILITY", "3600"))),
    result_backend_transport_options=SENTINEL,
    task_send_sent_event=os.environ.get("SENT_EVENTS") == "1",
    task_track_started=True,
    result_extended=True,
    accept_content=["json"],
    worker_send_task_events=False,
)


@app.task(name="py.add")
def add(x, y, **kw):
    return x + y


@app.task(name="py.echo")
def echo(*args, **kwargs):
    return [list(args), kwargs]


@app.task(name="py.tsum")
def tsum(numbers):
    return sum(numbers)


@app.task(name="py.fail")
def fail(*args):
    raise ValueError("boom", 42)


@app.task(name="py.headers", bind=True)
def headers(self):
    return {"x": self.request.headers, "retries": self.request.retries, "root": self.request.root_id,
            "parent": self.request.parent_id, "priority": self.request.delivery_info.get("priority"),
            "limits": self.request.timelimit, "queue": self.request.delivery_info.get("routing_key")}


@app.task(name="py.retry", bind=True, max_retries=3)
def retry(self, until):
    if self.request.retries < until:
        raise self.retry(exc=OSError("again"), countdown=0)
    return self.request.retries


@app.task(name="py.retry_seen", bind=True)
def retry_seen(self, **kwargs):
    r = self.request
    seen = {"id": r.id, "retries": r.retries, "x-tenant": r.get("x-tenant") or (r.headers or {}).get("x-tenant"), "priority": r.delivery_info.get("priority"),
            "timelimit": r.timelimit, "shadow": r.shadow, "root_id": r.root_id, "parent_id": r.parent_id, "group": r.group, "expires": r.expires,
            "kwargs": kwargs, "callbacks": len(r.callbacks or []), "errbacks": len(r.errbacks or [])}
    key = "seen:" + r.id
    app.backend.client.rpush(key, json.dumps(seen))
    if r.retries == 0:
        raise self.retry(countdown=0)
    return [json.loads(one) for one in app.backend.client.lrange(key, 0, -1)]


@app.task(name="py.sleep")
def sleep(seconds):
    time.sleep(seconds)
    return seconds


@app.task(name="py.note")
def note(text):
    app.backend.client.rpush("notes", text)


@app.task(name="py.errback")
def errback(failed_id):
    app.backend.client.rpush("errbacks", failed_id)


@app.task(name="py.chaos", bind=True)
def chaos(self, n):
    app.backend.client.hincrby("chaos:ran", self.request.id, 1)
    return n
