package compose

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The dashboard asks the datasource that is provisioned beside it, for what the vault and Prometheus itself count.
func TestDashboard(t *testing.T) {
	t.Parallel()
	var sources struct {
		Datasources []struct {
			UID string `yaml:"uid"`
		} `yaml:"datasources"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../compose/monitoring/grafana/datasources/prometheus.yaml")), &sources); err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title      string `json:"title"`
			Datasource struct {
				UID string `json:"uid"`
			} `json:"datasource"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal([]byte(read(t, "../../compose/monitoring/grafana/dashboards/docuvault.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	if len(dashboard.Panels) == 0 {
		t.Fatal("the dashboard is empty")
	}
	for _, p := range dashboard.Panels {
		if len(sources.Datasources) != 1 || p.Datasource.UID != sources.Datasources[0].UID {
			t.Errorf("%s asks %q, which is not provisioned", p.Title, p.Datasource.UID)
		}
		for _, target := range p.Targets {
			if !regexp.MustCompile(`\b(docuvault_[a-z_]+|up)[{\[)]`).MatchString(target.Expr) {
				t.Errorf("%s asks for nothing of ours: %s", p.Title, target.Expr)
			}
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
	}
}

// Prometheus loads every file of rules that ships, and compose mounts each where it looks for them.
func TestAlertsAreLoaded(t *testing.T) {
	t.Parallel()
	var prometheus struct {
		RuleFiles []string `yaml:"rule_files"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../compose/monitoring/prometheus.yaml")), &prometheus); err != nil {
		t.Fatal(err)
	}
	var project struct {
		Services map[string]struct{ Volumes []string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../compose/compose.yaml")), &project); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../compose/monitoring/*.y*ml")
	if err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, path := range files {
		if !strings.HasPrefix(read(t, path), "groups:") && !strings.Contains(read(t, path), "\ngroups:") {
			continue
		}
		rules++
		inside := "/etc/prometheus/" + filepath.Base(path)
		if mount := "./monitoring/" + filepath.Base(path) + ":" + inside + ":ro"; !slices.Contains(project.Services["prometheus"].Volumes, mount) {
			t.Errorf("prometheus has no volume %s", mount)
		}
		if !slices.Contains(prometheus.RuleFiles, inside) {
			t.Errorf("prometheus.yaml does not load %s", inside)
		}
	}
	if rules == 0 || len(prometheus.RuleFiles) != rules {
		t.Errorf("%d files of rules ship, prometheus.yaml loads %v", rules, prometheus.RuleFiles)
	}
}

// What dashboard and alerts ask for is what the vault counts, by name and by label.
func TestMetricsExist(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("../../adapters/metrics/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatal("no source of metrics is found:", err)
	}
	var counted strings.Builder
	for _, path := range sources {
		counted.WriteString(read(t, path))
	}
	asked := read(t, "../../compose/monitoring/grafana/dashboards/docuvault.json") + read(t, "../../compose/monitoring/alerts.yaml")
	for _, m := range regexp.MustCompile(`docuvault_[a-z_]+`).FindAllString(asked, -1) {
		if name := strings.TrimSuffix(m, "_bucket"); !strings.Contains(counted.String(), `"`+name+`"`) {
			t.Errorf("nothing counts %s", name)
		}
	}
	for _, by := range regexp.MustCompile(`by \(([a-z_, ]+)\)`).FindAllStringSubmatch(asked, -1) {
		for label := range strings.SplitSeq(by[1], ", ") {
			if label != "le" && label != "job" && !strings.Contains(counted.String(), `"`+label+`"`) {
				t.Errorf("nothing has the label %s", label)
			}
		}
	}
}
