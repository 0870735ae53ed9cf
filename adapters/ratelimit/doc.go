// Package ratelimit counts what clients do in Redis, so that all replicas of the API share one count (D-09).
package ratelimit
