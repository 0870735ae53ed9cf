// Package embedded runs the servers behind `docuvault up`: PostgreSQL as a child process and Redis inside this process.
//
// [StartPostgres] takes whatever PostgreSQL the machine has installed, keeps its data in one folder and leaves nothing
// running: the server stops with the program, on Linux even when the program dies by SIGKILL. Durability is not traded
// for comfort: fsync and synchronous commits stay on, and a power cut costs no committed row.
//
// [StartRedis] is a Redis on loopback with a password and nothing on disk. What waits in it is lost with the process;
// the reconciler enqueues it again from PostgreSQL.
package embedded
