"""Runs one named case as a Python producer and prints what it saw as one line of JSON."""
import datetime
import json
import sys

from celery import chain, chord, group, signature
from celery.exceptions import TimeoutError as CeleryTimeout
from celery_app import app

WAIT = 40


def sig(name, *args, **options):
    return app.signature(name, args=args, **options)


def got(result, **kw):
    try:
        return {"value": result.get(timeout=WAIT, **kw), "state": getattr(result, "state", None)}
    except CeleryTimeout:
        return {"timeout": True, "state": result.state}
    except Exception as exc:  # the class is what the test asks for
        return {"exc": type(exc).__name__, "module": type(exc).__module__, "args": list(map(str, exc.args)), "state": result.state,
                "traceback": bool(result.traceback)}


def alone(result):
    """The result without its parents, which would raise first."""
    return app.AsyncResult(result.id)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


CASES = {}


def case(f):
    CASES[f.__name__] = f
    return f


@case
def plain():
    return got(app.send_task("go.add", (2, 3)))


@case
def many():
    return {"value": [r.get(timeout=WAIT) for r in [app.send_task("go.add", (i, 1)) for i in range(200)]]}


@case
def kwargs():
    return got(app.send_task("go.echo", (1, "\u00eb\U0001f600", None, 1.5, 2**80), {"name": "Zo\u00eb", "deep": {"a": [True, {}]}}))


@case
def nonfinite():
    return {"value": str(app.send_task("go.echo", (float("nan"), float("inf"), -float("inf"))).get(timeout=WAIT))}


@case
def countdown():
    sent = now()
    r = app.send_task("go.when", countdown=1.2)
    return dict(got(r), sent=sent.timestamp())


@case
def eta_offset():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    sent = now()
    r = app.send_task("go.when", eta=sent.astimezone(zone) + datetime.timedelta(seconds=1.2))
    return dict(got(r), sent=sent.timestamp())


@case
def expires():
    return got(app.send_task("go.add", (1, 2), expires=now() - datetime.timedelta(seconds=5)))


@case
def failure():
    return got(app.send_task("go.fail"))


@case
def failure_own_class():
    return got(app.send_task("go.fail_own"))


@case
def wrong_arguments():
    return got(app.send_task("go.add", (1,)))


@case
def panic():
    return got(app.send_task("go.panic"))


@case
def retries():
    return got(app.send_task("go.retry", (2,), headers={"x-tenant": "t1"}))


@case
def retries_exhausted():
    return got(app.send_task("go.retry", (99,)))


@case
def ignored():
    r = app.send_task("go.add", (1, 2), ignore_result=True)
    done = app.send_task("go.add", (3, 4)).get(timeout=WAIT)
    return {"value": done, "stored": app.backend.client.exists("celery-task-meta-" + r.id)}


@case
def soft_limit():
    return got(app.send_task("go.sleep", (60,), soft_time_limit=1))


@case
def hard_limit():
    return got(app.send_task("go.deaf", soft_time_limit=None, time_limit=1))


@case
def compressed():
    return {"value": [app.send_task("go.echo", ("x" * 5000,), compression=c).get(timeout=WAIT)[0][0] == "x" * 5000 for c in ("zlib", "gzip", "bzip2", "lzma")]}


@case
def pickle_refused():
    return got(app.send_task("go.add", (1, 2), serializer="pickle"))


@case
def yaml_refused():
    return got(app.send_task("go.add", (1, 2), serializer="yaml"))


@case
def extended():
    r = app.send_task("go.add", (2, 3))
    r.get(timeout=WAIT)
    return {"value": {k: v for k, v in r._get_task_meta().items() if k in ("name", "args", "kwargs", "worker", "retries", "queue", "status")}}


@case
def chain_go_py():
    return got(chain(sig("go.add", 1, 2), sig("py.add", 10), sig("go.add", 100))())


@case
def chain_py_go():
    return got(chain(sig("py.add", 1, 2), sig("go.add", 10), sig("py.add", 100))())


@case
def chain_fails():
    r = chain(sig("py.add", 1, 2), sig("go.fail"), sig("py.add", 100))()
    return dict(got(r), parent=r.parent.state)


@case
def group_mixed():
    return got(group(sig("go.add", 1, 2), sig("py.add", 3, 4), sig("go.add", 5, 6))())


@case
def chord_mixed_py_body():
    return got(chord([sig("go.add", 1, 2), sig("py.add", 3, 4), sig("go.add", 5, 6)])(sig("py.tsum")))


@case
def chord_mixed_go_body():
    return got(chord([sig("go.add", 1, 2), sig("py.add", 3, 4)])(sig("go.tsum")))


@case
def chord_go_fails():
    return got(alone(chord([sig("go.fail"), sig("py.add", 3, 4)])(sig("py.tsum"))))


@case
def chord_py_fails():
    return got(alone(chord([sig("py.fail"), sig("go.add", 3, 4)])(sig("go.tsum"))))


@case
def chord_header_chain():
    return got(chord([chain(sig("py.add", 1, 2), sig("go.add", 3)), chain(sig("go.add", 1, 2), sig("py.add", 3))])(sig("go.tsum")))


@case
def chord_body_chain():
    return got(chord([sig("go.add", 1, 2), sig("py.add", 3, 4)])(chain(sig("go.tsum"), sig("py.add", 5), sig("go.add", 1))))


@case
def chain_into_group():
    return got(chain(sig("go.add", 1, 2), group(sig("go.add", 10), sig("py.add", 20)))())


@case
def chain_into_chord():
    return got(chain(sig("go.add", 1, 2), group(sig("go.add", 10), sig("py.add", 20)), sig("go.tsum"), sig("py.add", 1))())


@case
def chord_in_chord():
    inner = chord([sig("go.add", 1, 1), sig("py.add", 2, 2)], sig("go.tsum"))
    return got(chord([inner, sig("go.add", 3, 3)])(sig("py.tsum")))


@case
def link():
    r = app.send_task("go.add", (2, 3), link=[sig("py.note", queue="py"), sig("go.note", "second", immutable=True)])
    return dict(got(r), children=len(r.children or []))


@case
def link_error():
    r = app.send_task("go.fail", link_error=sig("py.errback"))
    return dict(got(r), id=r.id)


@case
def nested_link():
    return got(app.send_task("go.add", (2, 3), link=chain(sig("go.add", 1), sig("py.note", immutable=False))))


if __name__ == "__main__":
    if sys.argv[1] == "pickle_refused" or sys.argv[1] == "yaml_refused":
        from kombu.serialization import enable_insecure_serializers
        enable_insecure_serializers()
    print(json.dumps(CASES[sys.argv[1]](), default=str))
