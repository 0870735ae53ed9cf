// Package bench measures the program against the bare operations it is made of, on the same servers in the same run, and prints
// ratios. Absolute figures say more about the machine than about the program. `make bench` runs it, and the list among a million
// documents in adapters/postgres, and ends with one table of both.
//
// Rounds alternate between the bare loop and the vault, so that a machine that grows slower or faster over the run does so for
// both; a figure is the median of its rounds. PostgreSQL syncs every commit, Redis keeps an append-only file, MinIO is MinIO.
// Beside each round stands what the processes used of the processors: where these are busy, that is what the ratio is made of.
package bench
