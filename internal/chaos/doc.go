// Package chaos shows that nothing is lost: Go and Python Celery workers share a queue, and API, workers and Python's
// reference worker a vault, while all of them are killed and Redis is frozen, killed and emptied; and a vault under load while
// PostgreSQL, MinIO and Redis are taken away and given back, its disk fills up, its connections run out, its APIs are stopped in
// order, and hundreds of clients send a byte a second.
//
//	make chaos
//
// Its tests are small runs of the same. Every run prints its seed; CHAOS_SEED repeats its choices, though not the
// scheduling of processes. CHAOS_TASKS, CHAOS_DOCUMENTS and CHAOS_UPLOADS say how much is done, CHAOS_TROUBLE for how long
// processes are killed (a Go duration).
//
// It runs on unix systems: elsewhere a process cannot be frozen.
package chaos
