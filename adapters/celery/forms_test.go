//go:build unix

package celery_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/embedded/childproc"
	"github.com/docuvault/docuvault/internal/testenv"
)

// ownRedis starts redis-server with settings that testenv's does not have, and waits until it takes connections. A "PORT"
// in args becomes the port it returns.
func ownRedis(t *testing.T, args ...string) (int, *childproc.Process) {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: ", err)
	}
	port, err := childproc.LoopbackPort()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args = append([]string{}, args...)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "PORT", strconv.Itoa(port))
	}
	proc, err := childproc.Start(childproc.Config{Path: path, Dir: dir, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proc.Kill)
	until(t, "redis-server listens", func() bool {
		select {
		case <-proc.Done():
			t.Fatalf("redis-server ended: %s", proc.Tail())
		default:
		}
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return port, proc
}

// certificates makes a CA of its own and a certificate for 127.0.0.1, all in one folder.
func certificates(t *testing.T) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, root, root, &caKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	ownKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "redis"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, &ownKey.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(ownKey)
	if err != nil {
		t.Fatal(err)
	}
	return write("ca.pem", "CERTIFICATE", caDER), write("cert.pem", "CERTIFICATE", leafDER), write("key.pem", "PRIVATE KEY", keyDER)
}

// both runs a Go worker at an address, and has Go and Python producers at it send a task and wait for the result.
func both(t *testing.T, cfg celery.Config, pythonBroker, pythonBackend string, env ...string) {
	t.Helper()
	c := open(t, cfg)
	until(t, "Redis answers", func() bool { return c.Ping(ctx(t)) == nil })
	start(t, c, celery.WorkerConfig{Queues: []string{"go"}}, map[string]celery.Handler{"go.add": add})
	id, err := celery.NewProducer(c).Send(ctx(t), celery.Task{Name: "go.add", Args: []any{2, 3}, Queue: "go"})
	if err != nil {
		t.Fatal(err)
	}
	if res := wait(t, c, id); string(res.Result) != "5" {
		t.Errorf("Go's own task: %+v", res)
	}
	dir, err := filepath.Abs("testdata/app")
	if err != nil {
		t.Fatal(err)
	}
	env = append([]string{"CELERY_BROKER_URL=" + pythonBroker, "CELERY_RESULT_BACKEND=" + pythonBackend, "PYTHONPATH=" + dir, "PYTHONDONTWRITEBYTECODE=1"}, env...)
	if out := testenv.PythonEnv(t, env, filepath.Join(dir, "driver.py"), "plain"); !strings.Contains(out, `"value": 5`) {
		t.Errorf("Python's task: %s", out)
	}
}

// inDatabase checks that a URL's database is the one that was used.
func inDatabase(t *testing.T, opt *redis.Options) {
	t.Helper()
	opt.Protocol, opt.DisableIdentity = 2, true
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	if n, err := rdb.Keys(ctx(t), "celery-task-meta-*").Result(); err != nil || len(n) != 2 {
		t.Errorf("database %d holds %v, %v", opt.DB, n, err)
	}
}

// TestURLForms uses each form of a broker's URL for real: Go and Python are given the same string.
func TestURLForms(t *testing.T) {
	t.Parallel()
	t.Run("tls", func(t *testing.T) {
		t.Parallel()
		ca, cert, key := certificates(t)
		port, _ := ownRedis(t, "--port", "0", "--tls-port", "PORT", "--bind", "127.0.0.1", "--tls-cert-file", cert, "--tls-key-file", key,
			"--tls-ca-cert-file", ca, "--tls-auth-clients", "no", "--requirepass", "secret", "--save", "")
		at := fmt.Sprintf("rediss://:secret@127.0.0.1:%d/1?ssl_cert_reqs=", port)
		t.Run("verified", func(t *testing.T) {
			verified := at + "required&ssl_ca_certs=" + ca
			both(t, celery.Config{BrokerURL: verified}, verified, verified)
		})
		t.Run("unverified", func(t *testing.T) {
			both(t, celery.Config{BrokerURL: at + "none"}, at+"none", at+"none")
		})
		t.Run("CA unknown", func(t *testing.T) {
			for _, bad := range []string{at + "required", fmt.Sprintf("rediss://:secret@127.0.0.1:%d/1", port)} {
				if err := open(t, celery.Config{BrokerURL: bad}).Ping(ctx(t)); err == nil || !strings.Contains(err.Error(), "certificate") {
					t.Errorf("a certificate nobody vouches for is accepted: %v", err)
				}
			}
		})
		t.Run("other host", func(t *testing.T) {
			bad := fmt.Sprintf("rediss://:secret@localhost:%d/1?ssl_cert_reqs=required&ssl_ca_certs=%s", port, ca)
			if err := open(t, celery.Config{BrokerURL: bad}).Ping(ctx(t)); err == nil || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("another host's certificate is accepted: %v", err)
			}
		})
	})
	t.Run("client certificate", func(t *testing.T) {
		t.Parallel()
		ca, cert, key := certificates(t)
		port, _ := ownRedis(t, "--port", "0", "--tls-port", "PORT", "--bind", "127.0.0.1", "--tls-cert-file", cert, "--tls-key-file", key,
			"--tls-ca-cert-file", ca, "--tls-auth-clients", "yes", "--save", "")
		at := fmt.Sprintf("rediss://127.0.0.1:%d/0?ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs=%s", port, ca)
		with := at + "&ssl_certfile=" + cert + "&ssl_keyfile=" + key
		both(t, celery.Config{BrokerURL: with}, with, with)
		if err := open(t, celery.Config{BrokerURL: at}).Ping(ctx(t)); err == nil {
			t.Error("Redis lets in who shows no certificate")
		}
	})
	t.Run("socket", func(t *testing.T) {
		t.Parallel()
		dir, err := os.MkdirTemp("", "sock") // a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		sock := filepath.Join(dir, "r.sock")
		ownRedis(t, "--port", "PORT", "--bind", "127.0.0.1", "--unixsocket", sock, "--save", "")
		at := "redis+socket://" + sock + "?virtual_host=4"
		both(t, celery.Config{BrokerURL: at}, at, at)
		inDatabase(t, &redis.Options{Network: "unix", Addr: sock, DB: 4})
	})
	t.Run("user and database", func(t *testing.T) {
		t.Parallel()
		const password = "p@ss/w:rd?%"
		port, _ := ownRedis(t, "--port", "PORT", "--bind", "127.0.0.1", "--save", "", "--user", "default", "off", "--user", "app", "on", ">"+password, "~*", "&*", "+@all")
		at := fmt.Sprintf("redis://app:%s@127.0.0.1:%d/2", url.QueryEscape(password), port)
		both(t, celery.Config{BrokerURL: at}, at, at)
		inDatabase(t, &redis.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Username: "app", Password: password, DB: 2})
		if err := open(t, celery.Config{BrokerURL: fmt.Sprintf("redis://app:wrong@127.0.0.1:%d/2", port)}).Ping(ctx(t)); err == nil || strings.Contains(err.Error(), "wrong@") {
			t.Errorf("a wrong password: %v", err)
		}
	})
	t.Run("list", func(t *testing.T) {
		t.Parallel()
		s := realRedis(t)
		dead, err := childproc.LoopbackPort()
		if err != nil {
			t.Fatal(err)
		}
		list := fmt.Sprintf("redis://:%s@127.0.0.1:%d/0;%s", s.real.Password, dead, s.url)
		both(t, celery.Config{BrokerURL: list, ResultURL: s.url}, list, s.url)
	})
	t.Run("result backend with timeouts", func(t *testing.T) {
		t.Parallel()
		s := realRedis(t)
		backend := s.url + "?socket_timeout=7.5&socket_connect_timeout=3"
		both(t, celery.Config{BrokerURL: s.url, ResultURL: backend}, s.url, backend)
	})
}

// TestSentinelFailover kills the master under a worker: what was sent before is run after, by the same worker, from where
// the sentinel says the new master is. Python producers ask the same sentinel.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	t.Cleanup(func() { // the pool of a client closed while its server is away notices within a second
		until(t, "go-redis stopped dialling", func() bool {
			stacks := make([]byte, 4<<20)
			return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "pool.(*ConnPool).tryDial")
		})
	})
	server := []string{"--port", "PORT", "--bind", "127.0.0.1", "--requirepass", "secret", "--masterauth", "secret", "--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"}
	master, masterProc := ownRedis(t, server...)
	replica, _ := ownRedis(t, append(server, "--replicaof", "127.0.0.1 "+strconv.Itoa(master))...)
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, `sentinel monitor vault 127.0.0.1 %d 1
sentinel auth-pass vault secret
sentinel down-after-milliseconds vault 1000
sentinel failover-timeout vault 5000
requirepass watch
`, master), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel, _ := ownRedis(t, conf, "--sentinel", "--port", "PORT", "--bind", "127.0.0.1")
	at := func(port int) *redis.Client {
		rdb := redis.NewClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Password: "secret", DB: 2, Protocol: 2, DisableIdentity: true})
		t.Cleanup(func() { _ = rdb.Close() })
		return rdb
	}
	watch := redis.NewSentinelClient(&redis.Options{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(sentinel)), Password: "watch", Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { _ = watch.Close() })
	until(t, "the replica follows and the sentinel knows it", func() bool {
		info, err := at(replica).Info(ctx(t), "replication").Result()
		replicas, err2 := watch.Replicas(ctx(t), "vault").Result()
		return err == nil && err2 == nil && strings.Contains(info, "master_link_status:up") && len(replicas) == 1 && replicas[0]["slave-repl-offset"] != "0"
	})

	broker := fmt.Sprintf("sentinel://:secret@127.0.0.1:%d/2", sentinel)
	cfg := celery.Config{BrokerURL: broker, MasterName: "vault", SentinelPassword: "watch", IOTimeout: 2 * time.Second}
	both(t, cfg, broker, broker, "MASTER_NAME=vault", "SENTINEL_PASSWORD=watch")
	inDatabase(t, at(master).Options())

	c := open(t, cfg)
	p := celery.NewProducer(c)
	before, err := p.Send(ctx(t), celery.Task{Name: "late", Args: []any{1, 2}, Queue: "kept"})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := at(master).Wait(ctx(t), 1, 10*time.Second).Result(); err != nil || n != 1 {
		t.Fatalf("replicated to %d: %v", n, err)
	}
	start(t, c, celery.WorkerConfig{Queues: []string{"other"}}, map[string]celery.Handler{"go.add": add})
	masterProc.Kill()
	until(t, "the sentinel made the replica master", func() bool {
		addr, err := watch.GetMasterAddrByName(ctx(t), "vault").Result()
		return err == nil && len(addr) == 2 && addr[1] == strconv.Itoa(replica)
	})
	var after string
	until(t, "the producer found the new master", func() bool {
		short, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		after, err = p.Send(short, celery.Task{Name: "go.add", Args: []any{3, 4}, Queue: "other"})
		return err == nil
	})
	if res := wait(t, c, after); string(res.Result) != "7" {
		t.Errorf("after the failover: %+v", res)
	}
	start(t, c, celery.WorkerConfig{Queues: []string{"kept"}}, map[string]celery.Handler{"late": add})
	if res := wait(t, c, before); string(res.Result) != "3" {
		t.Errorf("sent before the failover: %+v", res)
	}
	if out := at(replica).Exists(ctx(t), "celery-task-meta-"+after).Val(); out != 1 {
		t.Error("the result is not on the new master")
	}
}
