package celery

import (
	"os"
	"time"
)

func pid() int { return os.Getpid() }

// again is the message of a retry: the same task, everything kept, one try more (celery/app/task.py:
// signature_from_request). Celery forgets ignore_result here; we keep it.
func (d *Delivery) again(eta time.Time, origin string) (outgoing, error) {
	out := outgoing{queue: d.Queue, priority: d.Priority, id: d.ID, replyTo: d.ReplyTo}
	embed := object{{"callbacks", d.embed.callbacks}, {"errbacks", d.embed.errbacks}, {"chain", d.embed.chain}, {"chord", d.embed.chord}}
	args, kwargs := d.argsRaw, d.kwargsRaw
	if args == nil {
		args = Value("[]")
	}
	if kwargs == nil {
		kwargs = Value("{}")
	}
	body := append(append(append(append([]byte{'['}, args...), ", "...), kwargs...), ", "...)
	body, err := embed.append(body)
	if err != nil {
		return outgoing{}, err
	}
	out.body = append(body, ']')
	parent := d.ParentID
	if parent == "" {
		parent = d.ID
	}
	own := map[string]any{"retries": d.Retries + 1, "eta": isoTime(eta), "parent_id": parent}
	if d.Protocol == 1 {
		own["lang"], own["task"], own["id"], own["root_id"] = "py", d.Name, d.ID, d.RootID
		own["group"], own["group_index"] = stringOrNull(d.GroupID), nil
		if d.GroupIndex != nil {
			own["group_index"] = *d.GroupIndex
		}
		own["expires"] = timeOrNull(d.Expires)
		own["timelimit"] = []any{seconds(d.TimeLimit), seconds(d.SoftTimeLimit)}
		own["argsrepr"], own["kwargsrepr"] = pyRepr(args, true), pyRepr(kwargs, false)
		own["origin"], own["shadow"] = origin, nil
	}
	for _, h := range d.msg.headers {
		switch {
		case h.key == "compression":
			continue
		case own[h.key] != nil:
			out.headers = append(out.headers, field{h.key, own[h.key]})
		default:
			out.headers = append(out.headers, field{h.key, Value(d.msg.raw[h.start:h.end])})
		}
		delete(own, h.key)
	}
	for _, key := range sortedKeys(own) {
		out.headers = append(out.headers, field{key, own[key]})
	}
	out.expiration, _ = asString(d.msg.property("expiration"))
	out.properties = object{{"origin", origin}}
	return out, nil
}
