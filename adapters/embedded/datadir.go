package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// dataDir is the locked folder of one cluster:
//
//	lock                the flock that keeps a second program out, and the server's process id
//	superuser-password  written once, before the cluster appears
//	cluster/            PostgreSQL's own data folder, owned by the user the server runs as
//	run/                the unix socket, unless its path would be too long
//	socket-dir          the path of a socket folder elsewhere, to be removed after a crash
type dataDir struct {
	root, cluster string
	lock          *os.File
	runAs         *childproc.Credential // nil: the user of this program
}

func openDataDir(path string) (*dataDir, error) {
	root, err := makeRoot(path)
	if err != nil {
		return nil, err
	}
	d := &dataDir{root: root, cluster: filepath.Join(root, "cluster")}
	if d.lock, err = lockFile(d.file("lock")); err != nil {
		return nil, err
	}
	if d.runAs, err = serverUser(d.cluster); err == nil {
		err = openToServer(root, d.runAs)
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// makeRoot returns the folder's path free of symbolic links, which is how the system names a server's working folder.
func makeRoot(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(path, rootMode()); err != nil {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	return filepath.EvalSymlinks(path)
}

func (d *dataDir) file(name string) string { return filepath.Join(d.root, name) }

// close gives the folder up. A second close does nothing.
func (d *dataDir) close() error {
	if err := d.lock.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return err
	}
	return nil
}

// version is the major version that made the cluster, 0 when there is none yet.
func (d *dataDir) version() int {
	b, err := os.ReadFile(filepath.Join(d.cluster, "PG_VERSION"))
	if err != nil {
		return 0
	}
	major, _, _ := strings.Cut(strings.TrimSpace(string(b)), ".")
	n, _ := strconv.Atoi(major)
	return n
}

// initialise makes the cluster unless it exists. It appears under its name only when it is complete, so a crash on the
// way leaves nothing that looks like one.
func (d *dataDir) initialise(ctx context.Context, bins binaries, noSync bool, log *slog.Logger) error {
	if d.version() != 0 {
		return nil
	}
	log.InfoContext(ctx, "making the postgres cluster", "data_dir", d.root, "version", bins.version)
	staging, given := d.file("cluster.new"), d.file("initdb-password")
	if err := os.RemoveAll(staging); err != nil {
		return err
	}
	if err := os.Mkdir(staging, 0o700); err != nil {
		return err
	}
	if err := giveTo(staging, d.runAs); err != nil {
		return err
	}
	password := rand.Text()
	if err := writeSynced(d.file("superuser-password"), password); err != nil {
		return err
	}
	if err := writeSynced(given, password); err != nil { // initdb reads it as the server's user
		return err
	}
	defer os.Remove(given) //nolint:errcheck // the same secret stays in superuser-password; the next start overwrites this one
	if err := giveTo(given, d.runAs); err != nil {
		return err
	}
	args := []string{
		"-D", staging, "-U", Superuser, "--pwfile", given, "--auth-local=scram-sha-256", "--auth-host=scram-sha-256",
		"--data-checksums", "--encoding=UTF8", "--no-instructions",
	}
	if noSync {
		args = append(args, "--no-sync")
	}
	if err := d.runInitdb(ctx, bins, append(args, localeArgs()...)); err != nil {
		return err
	}
	if err := os.Rename(staging, d.cluster); err != nil {
		return err
	}
	return syncDir(d.root)
}

func (d *dataDir) runInitdb(ctx context.Context, bins binaries, args []string) error {
	p, err := childproc.Start(childproc.Config{Path: bins.initdb, Args: args, Env: serverEnv(), Dir: d.root, Credential: d.runAs})
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Kill()
		return ctx.Err()
	}
	if p.Err() != nil {
		return fmt.Errorf("initdb: %w\n%s", p.Err(), p.Tail())
	}
	return nil
}

func (d *dataDir) password() (string, error) {
	b, err := os.ReadFile(d.file("superuser-password"))
	if err != nil {
		return "", fmt.Errorf("the cluster's superuser password: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// recordServer notes the server's process id: a later start may end that server if this program cannot.
func (d *dataDir) recordServer(pid int) error {
	if err := d.lock.Truncate(0); err != nil {
		return err
	}
	_, err := d.lock.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
	return err
}

func (d *dataDir) recordedServer() int { return readPID(d.file("lock")) }

// readPID reads a number from a file's first line; 0 stands for none.
func readPID(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0
	}
	return n
}

// How long a server of a killed predecessor may take to end: its own checkpoint, when it was ours; a moment, for one whose
// start was cut off before it was recorded.
const oursPatience, strangerPatience = time.Minute, 5 * time.Second

// waitForOrphans returns when no process of a server works in the cluster any more. A server that a killed predecessor
// started is told to stop; a server that somebody else started is an error.
func (d *dataDir) waitForOrphans(ctx context.Context, log *slog.Logger) error {
	pids := serversIn(d.cluster)
	if len(pids) == 0 {
		return nil
	}
	patience := strangerPatience
	for _, pid := range pids {
		if pid == d.recordedServer() {
			log.InfoContext(ctx, "stopping the postgres that a killed program left", "pid", pid)
			signalServer(pid, fastShutdown)
			patience = oursPatience
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		if pids = serversIn(d.cluster); len(pids) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return fmt.Errorf("a PostgreSQL server (process %d) works in %s: stop it first", pids[0], d.cluster)
		}
	}
}

// clearStaleLocks removes the lock files that would keep the server from starting although nothing runs: those whose
// process id now belongs to some other program, or that a crash left empty. The server itself removes those of dead
// processes, after checking their shared memory. waitForOrphans has seen that no server runs here.
func (d *dataDir) clearStaleLocks(socketDir string, port int) error {
	for _, path := range []string{
		filepath.Join(d.cluster, "postmaster.pid"),
		filepath.Join(socketDir, fmt.Sprintf(".s.PGSQL.%d.lock", port)),
	} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if pid := readPID(path); pid != 0 && !alive(abs(pid)) {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a stale lock: %w", err)
		}
	}
	return nil
}

func abs(n int) int { return max(n, -n) }

func writeSynced(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text + "\n")
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
