package celery

import "context"

// sentEvent is what watchers learn of a task on its way to a queue (celery/app/amqp.py: task-sent).
func sentEvent(o *outgoing) object {
	h := o.headers
	return object{{"uuid", o.id}, {"root_id", h.get("root_id")}, {"parent_id", h.get("parent_id")}, {"name", h.get("task")},
		{"args", h.get("argsrepr")}, {"kwargs", h.get("kwargsrepr")}, {"retries", h.get("retries")}, {"eta", h.get("eta")}, {"expires", h.get("expires")},
		{"queue", o.queue}, {"exchange", ""}, {"routing_key", o.queue}}
}

// announce tells watchers of tasks that were sent, when Config asks for it. It is a courtesy: where it fails the tasks
// are on their queues all the same.
func (c *Client) announce(ctx context.Context, origin string, clock *lamport, pushes []push) {
	if !c.cfg.SendSentEvents || len(pushes) == 0 {
		return
	}
	pipe := c.rdb.Pipeline()
	for _, one := range pushes {
		doc, err := eventFields("task-sent", origin, clock.forward(), c.now(), one.sent).append(nil)
		if err != nil {
			continue
		}
		msg, err := broadcastEnvelope(doc, object{{"hostname", origin}}, 1, "celeryev", "task.sent")
		if err == nil {
			pipe.Publish(ctx, c.keys.channel("celeryev/task.sent"), msg)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil {
		c.log.DebugContext(ctx, "celery event not sent", "topic", "task.sent", "error", err)
	}
}
