// Package celery speaks Celery's wire on Redis, both ways: a [Producer] whose tasks Python workers run, a [Worker]
// that runs Python's, [Results] that either side can wait for, and an [Inspector] that looks at queues. It reads
// message protocols 1 and 2 and writes protocol 2. It knows nothing of the program it is used in.
//
// Where Celery's own Redis transport can lose a message (between the pop and the note that it is held; by
// acknowledging before the task ran), this one cannot: a message is taken and recorded as held in one step, its
// lease is renewed while it is held, and it is acknowledged last. The price is that a task may run twice; handlers
// must be idempotent, and [Delivery.Redelivered] hints at a second run. Messages held by dead workers, Go or
// Python, are put back within seconds.
//
// A Python worker destroys tasks it does not know. Tasks that only Go has belong on queues of their own.
package celery
