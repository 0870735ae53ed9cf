"""Watches a Go worker with Celery's own event receiver while tasks run; prints what the cluster state saw."""
import json, sys, time
from celery_app import app

node, seen = sys.argv[1], []
state = app.events.State()


def on(event):
    seen.append(dict(event))
    state.event(event)


def finished(tasks):
    ready = ("SUCCESS", "FAILURE", "REVOKED")
    return all(state.tasks.get(id) and state.tasks[id].state in ready for id in tasks) and any(e["type"] == "worker-offline" for e in seen)


with app.connection() as conn:
    recv = app.events.Receiver(conn, handlers={"*": on})
    deadline, sent, stopped = time.time() + 90, None, False
    # One subscription throughout: what is published while nobody listens is gone. Heartbeats keep the loop going.
    for _ in recv.itercapture(limit=None, timeout=30, wakeup=False):
        if sent is None and any(e["type"] == "worker-heartbeat" for e in seen):
            app.control.enable_events(destination=[node], reply=True, timeout=10)
            app.backend.client.rpush("events:wanted", "task", "worker")
            sent = [app.send_task("go.add", (2, 3)), app.send_task("go.fail"), app.send_task("go.retry", (1,)), app.send_task("go.add", (1, 2), expires=-5)]
        if not stopped and any(e["type"] == "worker-heartbeat" and e["hostname"] == "brief@test" for e in seen):
            stopped = True
            app.backend.client.rpush("events:wanted", "stop")
        if sent and finished([r.id for r in sent] + ["sent-by-go"]) or time.time() > deadline:
            break
w = state.workers[node]
tasks = [state.tasks[r.id] for r in sent]
brief = []
for e in seen:
    if e["hostname"] == "brief@test" and e["type"] not in brief:
        brief.append(e["type"])
go = state.tasks["sent-by-go"]
announced = next(e for e in seen if e["type"] == "task-sent" and e["uuid"] == "sent-by-go")
print(json.dumps({
    "brief": brief, "clocks": all(isinstance(e["clock"], int) and isinstance(e["timestamp"], float) and isinstance(e["utcoffset"], int) for e in seen),
    "sent": [go.state, go.name, announced["args"], announced["queue"], announced["routing_key"], announced["hostname"].startswith("gen")],
    "alive": w.alive, "sw": w.sw_ident, "freq": w.freq,
    "states": [t.state for t in tasks], "names": [t.name for t in tasks], "args": tasks[0].args, "result": tasks[0].result,
    "exception": tasks[1].exception, "runtime": tasks[0].runtime >= 0, "worker": tasks[0].worker.hostname == node,
    "types": sorted({e["type"] for e in seen}),
    "keys": {e["type"]: sorted(k for k in e if k not in ("local_received",)) for e in seen},
}))
