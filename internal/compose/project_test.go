//go:build containers

package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// project is one compose project of the repository's own files, with .env.example as it is.
type project struct {
	t      *testing.T
	name   string
	url    string
	env    []string
	client *http.Client
}

// patience is for whatever containers take to come up or back on a busy machine.
const patience = 3 * time.Minute

func newProject(t *testing.T, name string) *project {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, name: name, url: "http://" + address, client: &http.Client{Timeout: 30 * time.Second}}
	p.env = append(os.Environ(), "PUBLISH="+address, "COMPOSE_PROJECT_NAME="+name, "COMPOSE_HTTP_TIMEOUT=300")
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := p.run("logs", "--no-color", "--tail", "30")
			t.Log(out)
		}
		if out, err := p.run("--profile", "python-worker", "--profile", "monitoring", "down", "-v", "--remove-orphans", "-t", "5"); err != nil {
			t.Errorf("take it down: %v\n%s", err, out)
		}
		if left := p.docker("ps", "-aq", "--filter", "label=com.docker.compose.project="+name); left != "" {
			t.Errorf("containers are left: %s", left)
		}
		p.client.CloseIdleConnections()
	})
	return p
}

// run runs compose, version 2 or 1, on the repository's file.
func (p *project) run(args ...string) (string, error) { return p.runFiles([]string{file}, args...) }

func (p *project) runFiles(files []string, args ...string) (string, error) {
	command := []string{"docker-compose"}
	if exec.Command("docker", "compose", "version").Run() == nil {
		command = []string{"docker", "compose"}
	}
	command = append(command, "--env-file", example)
	for _, f := range files {
		command = append(command, "-f", f)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], args...)...)
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p *project) must(args ...string) {
	p.t.Helper()
	if out, err := p.run(args...); err != nil {
		p.t.Fatalf("compose %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (p *project) docker(args ...string) string {
	p.t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// containers are the ids of a service's containers that run.
func (p *project) containers(service string) []string {
	p.t.Helper()
	return strings.Fields(p.docker("ps", "-q", "--filter", "label=com.docker.compose.project="+p.name, "--filter", "label=com.docker.compose.service="+service))
}

// crash kills a container's first process as the loss of memory would, so that the engine's restart policy applies.
func (p *project) crash(container string) {
	p.t.Helper()
	var pid int
	if _, err := fmt.Sscan(p.docker("inspect", "-f", "{{.State.Pid}}", container), &pid); err != nil || pid < 2 {
		p.t.Fatalf("no process of %s to kill: %v", container, err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		p.t.Fatal(err)
	}
}

// healthy waits until all of a service's containers are well, and are as many as wanted.
func (p *project) healthy(service string, want int) {
	p.t.Helper()
	p.eventually(func() error {
		all := p.containers(service)
		if len(all) != want {
			return fmt.Errorf("%s: %d containers run, want %d", service, len(all), want)
		}
		for _, id := range all {
			if state := p.docker("inspect", "-f", "{{.State.Health.Status}}", id); state != "healthy" {
				return fmt.Errorf("%s: a container is %s", service, state)
			}
		}
		return nil
	})
}

func (p *project) eventually(ready func() error) {
	p.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			p.t.Fatalf("not after %s: %v", patience, err)
		case <-tick.C:
		}
	}
}

type document struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// upload sends one file once. Only a 201 counts as taken.
func (p *project) upload(name string, content []byte) (document, int, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return document{}, 0, err
	}
	if _, err := part.Write(content); err != nil {
		return document{}, 0, err
	}
	if err := form.Close(); err != nil {
		return document{}, 0, err
	}
	answer, err := p.client.Post(p.url+"/api/documents/upload", form.FormDataContentType(), &body)
	if err != nil {
		return document{}, 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusCreated {
		return document{}, answer.StatusCode, err
	}
	var d document
	return d, answer.StatusCode, json.Unmarshal(text, &d)
}

// add uploads until the vault takes the file.
func (p *project) add(name string, content []byte) document {
	p.t.Helper()
	var d document
	p.eventually(func() error {
		got, status, err := p.upload(name, content)
		if err != nil || status != http.StatusCreated {
			return fmt.Errorf("upload %s: status %d, %w", name, status, err)
		}
		d = got
		return nil
	})
	return d
}

// ready waits until a document has been read.
func (p *project) ready(d document) {
	p.t.Helper()
	p.eventually(func() error {
		answer, err := p.client.Get(p.url + "/api/documents/" + d.ID)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		var now document
		if err := json.NewDecoder(answer.Body).Decode(&now); err != nil {
			return err
		}
		if now.Status != "ready" {
			return fmt.Errorf("document %s is %q", d.ID, now.Status)
		}
		return nil
	})
}

func (p *project) answers(path string) error {
	answer, err := p.client.Get(p.url + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", path, answer.StatusCode)
	}
	return nil
}
