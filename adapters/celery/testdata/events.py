"""Watches a Go worker with Celery's own event receiver while tasks run; prints what the cluster state saw."""
import json, socket, sys, time
from celery_app import app

node, done, seen = sys.argv[1], {}, []
state = app.events.State()


def on(event):
    seen.append(dict(event))
    state.event(event)


with app.connection() as conn:
    recv = app.events.Receiver(conn, handlers={"*": on})
    app.control.enable_events(destination=[node])
    deadline, sent = time.time() + 90, None
    while time.time() < deadline:
        try:
            recv.capture(limit=None, timeout=0.5, wakeup=False)
        except socket.timeout:
            pass
        if sent is None and any(e["type"] == "worker-heartbeat" for e in seen):
            sent = [app.send_task("go.add", (2, 3)), app.send_task("go.fail"), app.send_task("go.retry", (1,)), app.send_task("go.add", (1, 2), expires=-5)]
        if sent and all(state.tasks.get(r.id) and state.tasks[r.id].state in ("SUCCESS", "FAILURE", "REVOKED") for r in sent):
            break
w = state.workers[node]
tasks = [state.tasks[r.id] for r in sent]
print(json.dumps({
    "alive": w.alive, "sw": w.sw_ident, "freq": w.freq,
    "states": [t.state for t in tasks], "names": [t.name for t in tasks], "args": tasks[0].args, "result": tasks[0].result,
    "exception": tasks[1].exception, "runtime": tasks[0].runtime >= 0, "worker": tasks[0].worker.hostname == node,
    "types": sorted({e["type"] for e in seen}),
    "keys": {e["type"]: sorted(k for k in e if k not in ("local_received",)) for e in seen},
}))
