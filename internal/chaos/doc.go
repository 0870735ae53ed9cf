// Package chaos shows that nothing is lost: Go and Python Celery workers share a queue, and API, workers and Python's
// reference worker a vault, while all of them are killed and Redis is frozen, killed and emptied.
//
//	make chaos
//
// Its tests are small runs of the same. Every run prints its seed; CHAOS_SEED repeats its choices, though not the
// scheduling of processes. CHAOS_TASKS and CHAOS_DOCUMENTS say how much is done, CHAOS_TROUBLE for how long processes are
// killed (a Go duration).
//
// It runs on unix systems: elsewhere a process cannot be frozen.
package chaos
