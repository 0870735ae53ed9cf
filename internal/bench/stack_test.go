//go:build bench

package bench

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const clients = 16 // keep-alive connections

// stack is the servers that everything is measured on.
type stack struct {
	db     testenv.Database
	redis  testenv.RedisServer
	s3     testenv.S3Server
	bucket string
	bin    string
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{redis: testenv.Redis(t), s3: testenv.S3(t)}
	s.db = testenv.PostgresServer(t, testenv.PostgresOptions{Durable: true}).Schema(t)
	s.bucket = testenv.Bucket(t, s.s3)
	s.bin = program(t)
	return s
}

var built struct {
	once sync.Once
	path string
	err  error
}

// program builds the program once for all benchmarks.
func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "docuvault-bench-")
		if err != nil {
			built.err = err
			return
		}
		built.path = filepath.Join(dir, "docuvault")
		cmd := exec.Command("go", "build", "-o", built.path, "github.com/docuvault/docuvault/cmd/docuvault")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func (s *stack) env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "LOG_LEVEL=warn",
		"DATABASE_URL=" + s.db.AppDSN, "REDIS_URL=" + s.redis.URL, "SECRET_KEY=benchmarks-have-no-secrets",
		"STORAGE_BACKEND=minio", "MINIO_ENDPOINT=" + s.s3.Endpoint, "MINIO_BUCKET=" + s.bucket,
		"MINIO_ACCESS_KEY=" + s.s3.AccessKey, "MINIO_SECRET_KEY=" + s.s3.SecretKey, "MAX_UPLOAD_BYTES=2147483648",
	}
}

// process is a running command of the program.
type process struct {
	cmd *exec.Cmd
	log *bytes.Buffer
}

func start(t *testing.T, bin string, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(bin, args...), log: &bytes.Buffer{}}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.log, p.log
	p.cmd.Dir = t.TempDir()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan error, 1)
		go func() { done <- p.cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			_ = p.cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			t.Logf("docuvault %s said:\n%s", strings.Join(args, " "), p.log)
		}
	})
	return p
}

// memory returns the resident set in bytes: now, and its peak since the last resetPeak.
func (p *process) memory(t *testing.T) (now, peak int64) {
	t.Helper()
	now, peak, err := memoryOf(p.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return now, peak
}

func memoryOf(pid int) (now, peak int64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	field := func(name string) int64 {
		_, rest, _ := strings.Cut(string(status), name+":")
		kb, _ := strconv.ParseInt(strings.Fields(rest + " 0")[0], 10, 64) // one that has just ended has none
		return kb << 10
	}
	return field("VmRSS"), field("VmHWM"), nil
}

func (p *process) resetPeak(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// api is a running API and the clients that use it.
type api struct {
	*process
	base string
	http *http.Client
}

func (s *stack) startAPI(t *testing.T) *api {
	t.Helper()
	addr := freeAddr(t)
	return waitReady(t, start(t, s.bin, s.env(), "api", "--listen", addr), addr)
}

func waitReady(t *testing.T, p *process, addr string) *api {
	t.Helper()
	a := &api{process: p, base: "http://" + addr, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	t.Cleanup(a.http.CloseIdleConnections)
	testenv.Eventually(t, time.Minute, func() error {
		resp, err := a.http.Get(a.base + "/health")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
			return fmt.Errorf("health: %s %s", resp.Status, body)
		}
		return nil
	})
	return a
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// upload sends one document and fails the test if it is refused.
func (a *api) upload(ctx context.Context, name string, content []byte) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return err
	}
	if _, err := part.Write(content); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+"/api/documents/upload", &body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("upload: %s %s", resp.Status, answer)
	}
	return nil
}

// times calls do so many times from several goroutines.
func times(t *testing.T, workers, n int, do func() error) {
	t.Helper()
	var left atomic.Int64
	left.Store(int64(n))
	together(t, workers, func() bool { return left.Add(-1) >= 0 }, do)
}

// during calls do from several goroutines for so long, and returns how often.
func during(t *testing.T, workers int, long time.Duration, do func() error) int {
	t.Helper()
	end := time.Now().Add(long)
	var done atomic.Int64
	together(t, workers, func() bool { return time.Now().Before(end) }, func() error { done.Add(1); return do() })
	return int(done.Load())
}

func together(t *testing.T, workers int, more func() bool, do func() error) {
	t.Helper()
	var working sync.WaitGroup
	var failed atomic.Pointer[error]
	for range workers {
		working.Go(func() {
			for failed.Load() == nil && more() {
				if err := do(); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	working.Wait()
	if err := failed.Load(); err != nil {
		t.Fatal(*err)
	}
}

// text makes a plain text of so many bytes, different every time.
func text(size int) []byte {
	words := []string{"invoice", "amount", "payable", "contract", "insurance", "rent", "electricity", "meter", "reading", "balance"}
	var seed [8]byte
	_, _ = rand.Read(seed[:])
	var b bytes.Buffer
	fmt.Fprintf(&b, "Document %x\n", seed)
	for i := 0; b.Len() < size; i++ {
		b.WriteString(words[(i*7+int(seed[i%8]))%len(words)])
		b.WriteByte(" \n"[i%12/11])
	}
	return b.Bytes()[:size]
}

// noise makes bytes that look like a PDF to whoever looks at the first of them only.
func noise(size int) []byte {
	b := make([]byte, size)
	_, _ = rand.Read(b)
	copy(b, "%PDF-1.7\n")
	return b
}

// dataDir makes a folder that PostgreSQL can enter after it dropped root.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "docuvault-bench-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
