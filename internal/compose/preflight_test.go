package compose

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// preflight runs the script with variables of its own alone.
func preflight(t *testing.T, env []string, names ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"../../compose/preflight.sh"}, names...)...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestPreflightNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	said, err := preflight(t, []string{"GOOD=s3cr3t", "TRIAL=redis://:CHANGEME@redis:6379/0", "EMPTY="}, "GOOD", "TRIAL", "EMPTY", "ABSENT")
	if err == nil {
		t.Error("a placeholder passes")
	}
	for _, name := range []string{"TRIAL", "EMPTY", "ABSENT"} {
		if !strings.Contains(said, name+" ") {
			t.Errorf("%s is not named in %q", name, said)
		}
	}
	if strings.Contains(said, "GOOD") || strings.Contains(said, "redis:6379") {
		t.Errorf("says too much: %q", said)
	}
	if said, err := preflight(t, []string{"GOOD=s3cr3t"}, "GOOD"); err != nil || said != "" {
		t.Errorf("a good one is refused: %v, %s", err, said)
	}
}

// The production file hands every secret of .env.example to the check, and the check refuses each of them as it stands there.
func TestPreflightKnowsEverySecret(t *testing.T) {
	t.Parallel()
	var f struct {
		Services map[string]struct {
			Environment map[string]string `yaml:"environment"`
			Command     []string          `yaml:"command"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(read(t, production)), &f); err != nil {
		t.Fatal(err)
	}
	checked := f.Services["preflight"]
	for _, m := range regexp.MustCompile(`(?m)^([A-Z][A-Z0-9_]*)=(.*CHANGEME.*)$`).FindAllStringSubmatch(read(t, example), -1) {
		name, value := m[1], m[2]
		if checked.Environment[name] != "${"+name+":-}" {
			t.Errorf("the check is not given %s", name)
		}
		if said, err := preflight(t, []string{name + "=" + value}, checked.Command...); err == nil || !strings.Contains(said, name+" still") {
			t.Errorf("%s: %v, %s", name, err, said)
		}
	}
}
