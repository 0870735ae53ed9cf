import base64, datetime, json
from celery_app import app

r = app.backend.client
key = "go\x06\x163"
ours = r.rpop(key)
app.send_task("go.add", (2, "\u00eb'", None), {"y": 1.5}, task_id="same", priority=5, time_limit=30, soft_time_limit=20, shadow="shown",
              eta=datetime.datetime(2027, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.timezone.utc), headers={"x-tenant": "t1"},
              link=app.signature("go.note", args=("x",)))
theirs = r.rpop(key)
a, b = json.loads(ours), json.loads(theirs)
diff = []


def compare(path, x, y, newer=(), own=()):
    for k in sorted(set(x) | set(y)):
        if k in own:
            continue
        if k in newer and k not in y:  # headers of later versions of Celery
            continue
        if x.get(k, "<absent>") != y.get(k, "<absent>"):
            diff.append("%s.%s: ours %r, Python's %r" % (path, k, x.get(k, "<absent>"), y.get(k, "<absent>")))


compare("", {k: v for k, v in a.items() if k not in ("headers", "properties", "body")}, {k: v for k, v in b.items() if k not in ("headers", "properties", "body")})
compare("headers", a["headers"], b["headers"], newer=("replaced_task_nesting", "stamped_headers", "stamps"), own=("origin",))
compare("properties", a["properties"], b["properties"], own=("reply_to", "delivery_tag"))
if base64.b64decode(a["body"]) != base64.b64decode(b["body"]):
    diff.append("body: ours %r, Python's %r" % (base64.b64decode(a["body"]), base64.b64decode(b["body"])))
members = r.smembers("_kombu.binding.go")
if len(members) != 1:
    diff.append("bindings differ: %r" % members)
print("\n".join(diff) or "same")
