//go:build containers

package compose

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
)

// The whole of compose.yaml, from nothing: built, up, used, scaled, broken, and taken down again.
func TestWholeVault(t *testing.T) {
	p := newProject(t, "docuvault-test")
	p.env = append(p.env, "METRICS_ADDR=:9464") // what the profile monitoring is to be used with
	var times bytes.Buffer
	step := func(what string, do func()) {
		started := time.Now()
		do()
		fmt.Fprintf(&times, "%-58s %6.1f s\n", what, time.Since(started).Seconds())
	}
	var d document

	step("build the image", func() { p.must("build", "schema") })
	step("compose up, from nothing to the first document ready", func() {
		p.must("up", "-d")
		d = p.add("invoice.txt", []byte("Invoice 1\nAmount payable: 12 EUR\n"))
		p.ready(d)
	})
	step("a PDF read in a confined process, reader compiled", func() { p.ready(p.add("letter.pdf", formatstest.PDF("a letter"))) })

	t.Run("containers are confined", func(t *testing.T) { confined(t, p) })

	step("sixty documents by six clients, one API and one worker", func() { many(p, "with one of each", 60) })
	step("scaled to three APIs and three workers", func() {
		p.must("up", "-d", "--no-recreate", "--scale", "api=3", "--scale", "worker=3")
		p.healthy("api", 3)
		p.healthy("worker", 3)
	})
	step("each of the three APIs has answered through nginx", func() { everyReplicaAnswers(p) })
	step("Prometheus sees the six, all rules hold, nothing is alerted", func() {
		p.must("--profile", "monitoring", "up", "-d", "--no-deps", "prometheus")
		watched(p, 3, 3)
	})
	step("sixty documents by six clients, three of each", func() { many(p, "with three of each", 60) })
	step("an API and a worker killed under uploads, none lost", func() { killedUnderLoad(p) })
	for _, service := range []string{"postgres", "redis", "minio"} {
		step(service+" killed, back, next document ready", func() {
			victim := p.containers(service)[0]
			p.crash(victim)
			p.healthy(service, 1)
			p.ready(p.add(service+".txt", []byte("after "+service)))
		})
	}
	step("Python's worker alone reads what Go took", func() {
		p.must("stop", "worker")
		p.must("--profile", "python-worker", "up", "-d", "--no-deps", "--build", "python-worker")
		p.ready(p.add("python.txt", []byte("read by Python")))
	})
	step("stopped within the grace, each with exit code 0", func() {
		p.must("stop", "api", "nginx")
		for _, id := range strings.Fields(p.docker("ps", "-aq", "--filter", "label=com.docker.compose.project="+p.name, "--filter", "label=com.docker.compose.service=api")) {
			if code := p.docker("inspect", "-f", "{{.State.ExitCode}}", id); code != "0" {
				t.Errorf("an API ended with %s", code)
			}
		}
	})
	t.Logf("images are stand-ins where variables say so; times on this machine:\n%s", times.String())
}

// confined looks from outside at what runs.
func confined(t *testing.T, p *project) {
	for _, service := range []string{"postgres", "redis", "minio", "api", "worker", "nginx"} {
		id := p.containers(service)[0]
		state := p.docker("inspect", "-f", "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}} {{.HostConfig.Memory}}", id)
		if !strings.HasPrefix(state, "true [ALL] [no-new-privileges:true]") || strings.HasSuffix(state, " 0") {
			t.Errorf("%s: %s", service, state)
		}
		env := p.docker("inspect", "-f", "{{range .Config.Env}}{{println .}}{{end}}", id)
		for _, secret := range []string{"DATABASE_MIGRATE_URL=", "DATABASE_SUPERUSER_URL="} {
			if strings.Contains(env, secret) {
				t.Errorf("%s holds %s", service, secret)
			}
		}
	}
	for _, service := range []string{"api", "worker", "nginx"} {
		if user := p.docker("inspect", "-f", "{{.Config.User}}", p.containers(service)[0]); user == "" || strings.HasPrefix(user, "0") {
			t.Errorf("%s runs as %q", service, user)
		}
	}
	if list := p.docker("top", p.containers("redis")[0], "-o", "pid,args"); strings.Contains(list, "CHANGEME") {
		t.Errorf("Redis' password is on its command line: %s", list)
	}
	if version := p.docker("exec", p.containers("api")[0], "/usr/bin/docuvault", "version"); !strings.Contains(version, "docuvault development") {
		t.Errorf("the image says it is %q", version)
	}
	if out := p.docker("logs", p.containers("worker")[0]); !strings.Contains(out, `"missing":""`) {
		t.Errorf("the worker does not say that no layer of confinement is missing: %s", out)
	}
}

// everyReplicaAnswers asks through nginx until each API's log tells of a request that is no probe.
func everyReplicaAnswers(p *project) {
	p.t.Helper()
	p.eventually(func() error {
		if err := p.answers("/api/topics"); err != nil {
			return err
		}
		for _, id := range p.containers("api") {
			if !strings.Contains(p.docker("logs", id), "/api/topics") {
				return fmt.Errorf("the API %s was never asked", id)
			}
		}
		return nil
	})
}

// watched asks Prometheus until it has scraped that many APIs and workers and has evaluated every rule that ships, none of which
// may fire.
func watched(p *project, apis, workers int) {
	p.t.Helper()
	prometheus := p.containers("prometheus")
	if len(prometheus) != 1 {
		p.t.Fatalf("%d containers of Prometheus run", len(prometheus))
	}
	ask := func(path string, answer any) error {
		out, err := exec.Command("docker", "exec", prometheus[0], "wget", "-q", "-O", "-", "http://127.0.0.1:9090/api/v1/"+path).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", path, err, out)
		}
		return json.Unmarshal(out, answer)
	}
	p.eventually(func() error {
		var answer struct {
			Data struct {
				ActiveTargets []struct {
					Health    string
					LastError string
					Labels    struct{ Job string }
				}
			}
		}
		if err := ask("targets", &answer); err != nil {
			return err
		}
		up := map[string]int{}
		for _, target := range answer.Data.ActiveTargets {
			if target.Health != "up" {
				return fmt.Errorf("a target is %s: %s", target.Health, target.LastError)
			}
			up[target.Labels.Job]++
		}
		if want := map[string]int{"docuvault-api": apis, "docuvault-worker": workers}; !maps.Equal(up, want) {
			return fmt.Errorf("Prometheus sees %v, want %v", up, want)
		}
		return nil
	})
	p.eventually(func() error {
		var answer struct {
			Data struct {
				Groups []struct {
					Rules []struct{ Name, Health, State, LastError string }
				}
			}
		}
		if err := ask("rules", &answer); err != nil {
			return err
		}
		rules := 0
		for _, group := range answer.Data.Groups {
			for _, rule := range group.Rules {
				rules++
				if rule.Health != "ok" { // "unknown" until it was evaluated
					return fmt.Errorf("rule %s is %s: %s", rule.Name, rule.Health, rule.LastError)
				}
				if rule.State == "firing" {
					p.t.Errorf("%s fires", rule.Name)
				}
			}
		}
		if want := strings.Count(read(p.t, "../../compose/monitoring/alerts.yaml"), "- alert:"); rules != want {
			return fmt.Errorf("%d rules are loaded, %d ship", rules, want)
		}
		return nil
	})
}

// many has six clients upload n small documents of that round, and waits until all are read.
func many(p *project, round string, n int) {
	p.t.Helper()
	const clients = 6
	var working sync.WaitGroup
	taken := make([][]document, clients)
	problems := make([]error, clients)
	for c := range clients {
		working.Go(func() {
			for i := c; i < n; i += clients {
				d, status, err := p.upload(fmt.Sprintf("many-%d.txt", i), fmt.Appendf(nil, "document %d, %s", i, round))
				if err != nil || status != http.StatusCreated {
					problems[c] = errors.Join(problems[c], fmt.Errorf("upload %d: %d, %w", i, status, err))
					continue
				}
				taken[c] = append(taken[c], d)
			}
		})
	}
	working.Wait()
	if err := errors.Join(problems...); err != nil {
		p.t.Error(err)
	}
	for _, d := range slices.Concat(taken...) {
		p.ready(d)
	}
}

// killedUnderLoad kills one API and one worker while files are uploaded. What was answered with 201 becomes ready.
func killedUnderLoad(p *project) {
	p.t.Helper()
	api, worker := p.containers("api")[0], p.containers("worker")[0]
	var taken []document
	refused := 0
	for i := range 60 {
		switch i {
		case 20:
			p.crash(api)
		case 30:
			p.crash(worker)
		}
		d, status, err := p.upload(fmt.Sprintf("load-%d.txt", i), fmt.Appendf(nil, "document %d", i))
		switch {
		case err == nil && status == http.StatusCreated:
			taken = append(taken, d)
		case status == http.StatusInternalServerError:
			p.t.Errorf("upload %d: 500", i)
		default:
			refused++
		}
	}
	for _, d := range taken {
		p.ready(d)
	}
	p.healthy("api", 3)
	p.healthy("worker", 3)
	for _, id := range []string{api, worker} {
		if p.docker("inspect", "-f", "{{.RestartCount}}", id) == "0" {
			p.t.Errorf("the container %s was killed and not started again", id)
		}
	}
	p.t.Logf("%d uploads taken and ready, %d refused while a replica was gone", len(taken), refused)
	if len(taken) < 50 {
		p.t.Errorf("only %d of 60 uploads were taken with two of three APIs there", len(taken))
	}
}

// The production file starts nothing while .env.example's placeholders are in it.
func TestProductionRefusesPlaceholders(t *testing.T) {
	p := newProject(t, "docuvault-test-prod")
	files := []string{file, production}
	if out, err := p.runFiles(files, "up", "-d", "--no-build", "postgres", "redis", "minio"); err == nil {
		t.Errorf("compose goes on: %s", out)
	}
	said, _ := p.runFiles(files, "logs", "--no-color", "preflight")
	for _, name := range []string{"POSTGRES_PASSWORD", "DATABASE_MIGRATE_URL", "REDIS_URL", "MINIO_SECRET_KEY", "SECRET_KEY"} {
		if !strings.Contains(said, name+" still has the placeholder") {
			t.Errorf("%s is not named in %s", name, said)
		}
	}
	for _, service := range []string{"postgres", "redis", "minio"} {
		if len(p.containers(service)) > 0 {
			t.Errorf("%s was started", service)
		}
	}
	if out, err := p.runFiles(files, "down", "-v", "-t", "1"); err != nil {
		t.Errorf("take it down: %v\n%s", err, out)
	}
}
