"""Runs one named case as a Python producer and prints what it saw as one line of JSON."""
import datetime
import json
import sys
import time

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


def stored(task_id):
    """What the backend has, read by asking: another result object of that id may be the one that is told."""
    deadline = time.time() + WAIT
    while True:
        meta = app.backend.get_task_meta(task_id, cache=False)
        if meta["status"] in ("SUCCESS", "FAILURE", "REVOKED") or time.time() > deadline:
            return {"state": meta["status"], "value": repr(meta["result"])}
        time.sleep(0.05)


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
def announced():
    """get() without asking: what the result consumer is told over pub/sub."""
    told, consumer = [], app.backend.result_consumer
    on_state_change = consumer.on_state_change

    def note(meta, message):
        if message is not None:
            told.append(meta["status"])
        return on_state_change(meta, message)

    consumer.on_state_change = note
    r = app.send_task("go.when", countdown=1)
    before = r.state
    r.get(timeout=WAIT)
    return {"value": told, "before": before}


@case
def started():
    r = app.send_task("go.sleep", (60,))
    deadline = time.time() + WAIT
    while r.state != "STARTED" and time.time() < deadline:
        time.sleep(0.02)
    info = r.info
    app.control.revoke(r.id, terminate=True)
    ended = got(r)
    return {"value": [sorted(info), info["hostname"], info["pid"] > 0], "state": ended["state"]}


@case
def exceptions():
    """The classes that get() raises are the ones named, where they exist. What is no exception comes last: Celery refuses it wherever
    it reads the answer, and on a busy machine it reads it twice, the second time while it waits for the next."""
    out = []
    for module, name in (("builtins", "KeyError"), ("builtins", "OSError"), ("celery.exceptions", "Reject"), ("json", "JSONDecodeError"), ("vault.errors", "Made"), ("os", "system")):
        try:
            app.send_task("go.fail_as", (module, name)).get(timeout=WAIT)
        except Exception as exc:
            out.append("%s.%s" % (type(exc).__module__, type(exc).__name__))
    return {"value": out}


@case
def retry_keeps():
    """What a Python task sees of a Go retry of a message that carries everything."""
    r = app.send_task("go.retry_seen", (), {"k": 1}, headers={"x-tenant": "t1"}, priority=6, time_limit=30, soft_time_limit=20, shadow="shown",
                      expires=now() + datetime.timedelta(hours=1), link=sig("go.note", "linked", immutable=True), link_error=sig("go.errback"),
                      root_id="root", parent_id="parent", group_id="group", group_index=3, reply_to="reply", ignore_result=False)
    return got(r)


@case
def time_limit_from_control():
    app.control.time_limit("go.limited", soft=0.2, reply=True, timeout=5)
    return got(app.send_task("go.limited"))


@case
def rate_limit_from_control():
    """Eleven starts at ten a second take a second, of which a busy machine may have taken half before the first."""
    app.control.rate_limit("go.paced", "10/s", reply=True, timeout=5)
    times = sorted(r.get(timeout=WAIT) for r in [app.send_task("go.paced") for _ in range(11)])
    return {"value": times[-1] - times[0] > 0.5}


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
    # get raises what a parent stored, perhaps before the last step's own state is there.
    return dict(got(r), parent=stored(r.parent.id)["state"], state=stored(r.id)["state"])


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
def chord_header_chain_group():
    """A chain in a header that ends in a group: its members report to the chord, and the results are nested."""
    head = [chain(sig("go.add", 1, 1), group(sig("go.add", 10), sig("py.add", 20))), sig("py.add", 3, 4)]
    return got(chord(head)(sig("go.echo")))


@case
def chord_in_chord():
    inner = chord([sig("go.add", 1, 1), sig("py.add", 2, 2)], sig("go.tsum"))
    return got(chord([inner, sig("go.add", 3, 3)])(sig("py.tsum")))


@case
def group_fails():
    r = group(sig("go.add", 1, 2), sig("py.fail"), sig("go.fail"))()
    states = []
    for one in r.results:
        try:
            states.append(one.get(timeout=WAIT))
        except Exception as exc:
            states.append(type(exc).__name__)
    return {"value": states}


@case
def chain_fails_first_py():
    return got(alone(chain(sig("py.fail"), sig("go.add", 1), sig("py.add", 1))()))


@case
def chain_fails_first_go():
    return got(alone(chain(sig("go.fail"), sig("py.add", 1), sig("go.add", 1))()))


@case
def chain_fails_before_group():
    r = chain(sig("go.fail"), group(sig("py.add", 1), sig("go.add", 1)))()
    return {"value": [stored(one.id) for one in r.results]}


@case
def chain_fails_before_chord():
    return got(alone(chain(sig("go.fail"), group(sig("py.add", 1), sig("go.add", 1)), sig("py.tsum"))()))


@case
def chain_link_error():
    """link_error of a chain hangs on each of its steps."""
    c = chain(sig("py.add", 1, 2), sig("go.fail"), sig("py.add", 100))
    c.link_error(sig("go.errback"))
    r = c()
    return dict(got(r), id=r.parent.id)


@case
def chord_go_fails_go_body():
    return got(alone(chord([sig("go.fail"), sig("go.add", 3, 4)])(sig("go.tsum"))))


@case
def chord_py_fails_py_body():
    return got(alone(chord([sig("py.fail"), sig("go.add", 3, 4)])(sig("py.tsum"))))


@case
def chord_chain_member_fails():
    return got(alone(chord([chain(sig("py.add", 1, 2), sig("go.fail"), sig("go.add", 1)), sig("py.add", 3, 4)])(sig("go.tsum"))))


@case
def chord_member_expires():
    return got(alone(chord([sig("go.add", 1, 2, expires=now() - datetime.timedelta(seconds=5)), sig("py.add", 3, 4)])(sig("go.tsum"))))


@case
def chord_body_fails():
    return got(alone(chord([sig("go.add", 1, 2), sig("py.add", 3, 4)])(sig("go.fail"))))


@case
def chord_fails_link_error():
    body = sig("py.tsum")
    body.link_error(sig("go.errback"))
    r = chord([sig("go.fail"), sig("py.add", 3, 4)])(body)
    return dict(got(alone(r)), id=r.id)


@case
def link_py():
    """The same as link, of a Python task."""
    r = app.send_task("py.add", (2, 3), queue="py", link=[sig("go.note"), sig("py.note", "third", immutable=True)])
    return dict(got(r), children=len(r.children or []))


@case
def link_error_py():
    r = app.send_task("py.fail", queue="py", link_error=sig("go.errback"))
    return dict(got(r), id=r.id)


@case
def unknown_step():
    s = sig("py.add", 1)
    s["subtask_type"] = "quantum"
    r = app.send_task("go.add", (1, 2), chain=[s])
    return got(alone(r))


@case
def starmap():
    """map, starmap and chunks are tasks of every Python worker."""
    return got(chain(sig("go.add", 1, 2), app.tasks["py.add"].starmap([(1, 2), (3, 4)]).set(queue="py", immutable=True))())


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
    if sys.argv[1] == "pickle_refused":
        from kombu.serialization import enable_insecure_serializers
        enable_insecure_serializers()
    print(json.dumps(CASES[sys.argv[1]](), default=str))
