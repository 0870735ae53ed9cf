"""Steers a Go worker as celery's own tools do; prints one line of JSON."""
import json, sys, time
from celery_app import app

node = sys.argv[1]
i = app.control.inspect(destination=[node], timeout=5)
out = {}
running = app.send_task("go.sleep", (60,))
later = app.send_task("go.add", (1, 2), countdown=600)
gone = app.send_task("go.add", (3, 4), countdown=600)
deadline = time.time() + 20
while time.time() < deadline:
    active, scheduled = (i.active() or {}).get(node, []), (i.scheduled() or {}).get(node, [])
    if len(active) == 1 and len(scheduled) == 2:
        break
out["ping"] = i.ping()[node]
out["active"] = [(t["name"], t["args"], t["id"] == running.id, t["time_start"] > 0) for t in active]
out["scheduled"] = sorted((t["request"]["name"], t["request"]["id"] in (later.id, gone.id)) for t in scheduled)
out["reserved"] = i.reserved()[node]
out["registered"] = "go.add" in i.registered()[node]
stats = i.stats()[node]
out["stats"] = [stats["pool"]["max-concurrency"], stats["broker"]["transport"], stats["total"]["go.sleep"]]
out["queues"] = [q["name"] for q in i.active_queues()[node]]
out["query"] = i.query_task(running.id)[node][running.id][0]
out["rate"] = app.control.rate_limit("go.add", "100/s", reply=True, timeout=5, destination=[node])
out["rate_unknown"] = app.control.rate_limit("nope", "1/s", reply=True, timeout=5, destination=[node])
out["registered_rate"] = [n for n in i.registered()[node] if n.startswith("go.add")]
out["conf"] = [i.conf()[node][k] for k in ("task_protocol", "task_acks_late", "accept_content", "result_expires")]
out["report"] = "go-celery" in i.report()[node]["ok"]
out["clock"] = i.clock()[node]["clock"] > 0
out["safe"] = [t["args"] for t in i.active(safe=True)[node]]
out["events"] = [app.control.enable_events(reply=True, timeout=5, destination=[node])[0][node], app.control.disable_events(reply=True, timeout=5, destination=[node])[0][node]]
out["time_limit"] = app.control.time_limit("go.limited", soft=1, hard=2, reply=True, timeout=5, destination=[node])[0][node]
out["rate_off"] = app.control.rate_limit("go.add", 0, reply=True, timeout=5, destination=[node])[0][node]
out["rate_bad"] = "error" in app.control.rate_limit("go.add", "often", reply=True, timeout=5, destination=[node])[0][node]
app.control.rate_limit("go.add", "100/s", reply=True, timeout=5, destination=[node])
refused = [app.control.add_consumer("q2", reply=True, timeout=5, destination=[node]), app.control.cancel_consumer("q2", reply=True, timeout=5, destination=[node]),
           app.control.pool_grow(1, reply=True, timeout=5, destination=[node]), app.control.pool_shrink(1, reply=True, timeout=5, destination=[node]),
           app.control.autoscale(4, 1, reply=True, timeout=5, destination=[node])]
out["refused"] = [r[0][node]["error"] for r in refused]
out["elsewhere"] = app.control.ping(timeout=0.5, destination=["nobody@nowhere"]) + app.control.broadcast("ping", reply=True, timeout=0.5, pattern="x*", matcher="glob")
out["pcre"] = len(app.control.broadcast("ping", reply=True, timeout=1, pattern="^" + node[:3], matcher="pcre"))
out["unknown"] = app.control.broadcast("no_such_command", reply=True, timeout=5, destination=[node])
out["revoke"] = len(app.control.revoke(gone.id, reply=True, timeout=5, destination=[node]))
try:
    gone.get(timeout=20)
except Exception as exc:
    out["revoked"] = [type(exc).__name__, gone.state]
app.control.revoke(running.id, terminate=True, destination=[node])
try:
    running.get(timeout=20)
except Exception as exc:
    out["terminated"] = [type(exc).__name__, running.state]
out["pattern"] = list(app.control.broadcast("ping", reply=True, timeout=1, pattern=node[:3] + "*", matcher="glob")[0].values())
out["revoked_ids"] = gone.id in i.revoked()[node]
app.control.broadcast("shutdown", destination=[node])
print(json.dumps(out))
