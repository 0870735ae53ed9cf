//go:build unix

package testenv

import (
	"context"
	"crypto/rand"
	"fmt"
	"go/build"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sys/unix"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// S3Server is an S3 server and its root key.
type S3Server struct {
	Endpoint             string // 127.0.0.1:port
	AccessKey, SecretKey string
	Secure               bool // always false: plain HTTP
	*server
}

// S3 is this test binary's shared MinIO. Do not stop it: [OwnS3] is for that.
func S3(t testing.TB) S3Server {
	t.Helper()
	if Containers() {
		return sharedMinioContainer(t)
	}
	return sharedS3(t, minioServer)
}

// OwnS3 starts a MinIO of the test's own, to be stopped, paused, killed and started again.
func OwnS3(t testing.TB) S3Server {
	t.Helper()
	if Containers() {
		return ownMinioContainer(t)
	}
	return ownS3(t, minioServer)
}

// Versity is this test binary's shared versitygw, a second implementation of S3 on a plain folder. Do not stop it.
func Versity(t testing.TB) S3Server {
	t.Helper()
	return sharedS3(t, versityServer)
}

// OwnVersity starts a versitygw of the test's own.
func OwnVersity(t testing.TB) S3Server {
	t.Helper()
	return ownS3(t, versityServer)
}

// Bucket makes a fresh bucket on the server. It goes with the server's data.
func Bucket(t testing.TB, s3 S3Server) string {
	t.Helper()
	name := "t-" + strings.ToLower(rand.Text())
	err := s3.withClient(func(c *minio.Client) error {
		return c.MakeBucket(context.Background(), name, minio.MakeBucketOptions{})
	})
	if err != nil {
		t.Fatal("testenv: make a bucket:", err)
	}
	return name
}

// withClient gives do a client with the root key that leaves no connection behind.
func (s S3Server) withClient(do func(*minio.Client) error) error {
	transport := &http.Transport{DisableKeepAlives: true, ResponseHeaderTimeout: time.Minute}
	c, err := minio.New(s.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Secure: s.Secure, Transport: transport, Region: "us-east-1", MaxRetries: 1,
	})
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	return do(c)
}

// serves answers nil once the root key works.
func (s S3Server) serves(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return s.withClient(func(c *minio.Client) error {
		_, err := c.ListBuckets(ctx)
		return err
	})
}

// s3Kind is how to run one implementation.
type s3Kind struct {
	name, variable, install string
	args                    func(addr, data string) []string
	env                     func(s S3Server) []string
}

var minioServer = s3Kind{
	name: "minio", variable: "MINIO_BINARY", install: "go install github.com/minio/minio@latest",
	args: func(addr, data string) []string {
		return []string{"server", "--quiet", "--address", addr, "--console-address", "127.0.0.1:0", "--certs-dir", filepath.Join(data, "..", "certs"), data}
	},
	env: func(s S3Server) []string {
		return []string{"MINIO_ROOT_USER=" + s.AccessKey, "MINIO_ROOT_PASSWORD=" + s.SecretKey, "MINIO_BROWSER=off", "MINIO_UPDATE=off"}
	},
}

var versityServer = s3Kind{
	name: "versitygw", variable: "VERSITYGW_BINARY", install: "go install github.com/versity/versitygw/cmd/versitygw@latest",
	args: func(addr, data string) []string {
		args := []string{"--port", addr, "--quiet", "posix", data}
		if !keepsAttributes(data) {
			args = slices.Insert(args, len(args)-1, "--sidecar", filepath.Join(data, "..", "meta"))
		}
		return args
	},
	env: func(s S3Server) []string {
		return []string{"ROOT_ACCESS_KEY=" + s.AccessKey, "ROOT_SECRET_KEY=" + s.SecretKey}
	},
}

// keepsAttributes reports whether the disk keeps a file's extended attributes, where versitygw has an object's metadata if it can.
// Beside the object instead, the two can part: a PUT that fails late leaves metadata, for which the next is refused.
func keepsAttributes(folder string) bool {
	const name = "user.docuvault.probe"
	return unix.Setxattr(folder, name, []byte{1}, 0) == nil && unix.Removexattr(folder, name) == nil
}

func sharedS3(t testing.TB, kind s3Kind) S3Server {
	t.Helper()
	s, err := once(kind.name, func() (S3Server, func(context.Context) error, error) {
		dir, err := tempDir(kind.name)
		if err != nil {
			return S3Server{}, nil, err
		}
		s, err := startS3(kind, dir)
		if err != nil {
			return S3Server{}, nil, err
		}
		// Nothing of it is needed again: an orderly end would take seconds for open connections.
		return s, s.engine.kill, nil
	})
	if err != nil {
		t.Fatal("testenv:", err)
	}
	return s
}

func ownS3(t testing.TB, kind s3Kind) S3Server {
	t.Helper()
	s, err := startS3(kind, testDir(t, kind.name))
	if err != nil {
		t.Fatal("testenv:", err)
	}
	s.own(t)
	return s
}

func newS3Server() S3Server {
	return S3Server{AccessKey: "root-" + strings.ToLower(rand.Text()[:12]), SecretKey: rand.Text()}
}

func startS3(kind s3Kind, dir string) (S3Server, error) {
	path, err := kind.find()
	if err != nil {
		return S3Server{}, err
	}
	data := filepath.Join(dir, "data")
	for _, d := range []string{data, filepath.Join(dir, "certs"), filepath.Join(dir, "meta")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return S3Server{}, err
		}
	}
	s := newS3Server()
	s.server, err = onFreePort(kind.name, func(port int) *process {
		s.Endpoint = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		probe := s
		return &process{
			cfg:   childproc.Config{Path: path, Dir: dir, Args: kind.args(s.Endpoint, data), Env: slices.Concat(plainEnv(), kind.env(s))},
			ready: probe.serves,
		}
	})
	if err != nil {
		return S3Server{}, fmt.Errorf("start %s: %w", kind.name, err)
	}
	return s, nil
}

// plainEnv is the environment without what would configure an S3 server behind our back.
func plainEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MINIO_") || strings.HasPrefix(v, "VGW_") || strings.HasPrefix(v, "ROOT_")
	})
}

// find looks for the program in its variable, in PATH and where go install puts it.
func (k s3Kind) find() (string, error) {
	if path := os.Getenv(k.variable); path != "" {
		return exec.LookPath(path)
	}
	if path, err := exec.LookPath(k.name); err == nil {
		return path, nil
	}
	places := []string{os.Getenv("GOBIN")}
	for _, p := range filepath.SplitList(build.Default.GOPATH) {
		places = append(places, filepath.Join(p, "bin"))
	}
	for _, dir := range places {
		if dir == "" {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(dir, k.name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: make test-deps builds it (%s), or name it in %s", k.name, k.install, k.variable)
}
